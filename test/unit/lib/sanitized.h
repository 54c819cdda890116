// Is this built with a sanitizer?
#ifndef SPORE_TEST_SANITIZED_H
#define SPORE_TEST_SANITIZED_H

#if defined(__SANITIZE_THREAD__)
#define SANITIZES_THREADS 1
#elif defined(__has_feature)
#define SANITIZES_THREADS __has_feature(thread_sanitizer)
#else
#define SANITIZES_THREADS 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZES 1
#elif defined(__has_feature)
#define SANITIZES (__has_feature(address_sanitizer) || SANITIZES_THREADS)
#else
#define SANITIZES SANITIZES_THREADS
#endif

#endif
