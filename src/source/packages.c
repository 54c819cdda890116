#include "source/packages.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"
#include "source/missing.h"

// One development package in all the ways in which a build may ask for it; each a list of words, may be NULL.
static const struct {
	const char *debian, *pc, *cmake, *libs, *headers;
} libraries[] = {
    {"zlib1g-dev", "zlib", "ZLIB", "z", "zlib.h zconf.h"},
    {"libncurses-dev", "ncurses ncursesw tinfo panel panelw form menu formw menuw ncurses++w", "Curses",
     "ncurses ncursesw tinfo curses termcap panel panelw form menu cursesw",
     "ncurses.h curses.h term.h termcap.h panel.h form.h menu.h ncursesw/ncurses.h ncursesw/curses.h "
     "ncurses/ncurses.h"},
    {"libreadline-dev", "readline", "Readline", "readline history", "readline/readline.h readline/history.h"},
    {"libssl-dev", "openssl libssl libcrypto", "OpenSSL", "ssl crypto",
     "openssl/ssl.h openssl/evp.h openssl/sha.h openssl/md5.h openssl/crypto.h"},
    {"libcurl4-openssl-dev", "libcurl", "CURL", "curl", "curl/curl.h"},
    {"libevent-dev", "libevent libevent_core libevent_extra libevent_openssl libevent_pthreads", "Libevent LibEvent",
     "event event_core", "event2/event.h event.h"},
    {"libuv1-dev", "libuv", "LibUV libuv", "uv", "uv.h"},
    {"libglib2.0-dev", "glib-2.0 gobject-2.0 gio-2.0 gio-unix-2.0 gthread-2.0 gmodule-2.0 gmodule-export-2.0",
     "GLIB GLIB2", "glib-2.0", "glib.h"},
    {"libgtk-3-dev", "gtk+-3.0 gdk-3.0 gtk+-x11-3.0", "GTK3", "gtk-3", "gtk/gtk.h"},
    {"libgtk-4-dev", "gtk4", NULL, "gtk-4", NULL},
    {"libgtk2.0-dev", "gtk+-2.0 gdk-2.0", "GTK2", NULL, NULL},
    {"libx11-dev", "x11 x11-xcb", "X11", "X11", "X11/Xlib.h X11/Xutil.h X11/X.h"},
    {"libxext-dev", "xext", NULL, "Xext", "X11/extensions/XShm.h X11/extensions/shape.h"},
    {"libxft-dev", "xft", NULL, "Xft", "X11/Xft/Xft.h"},
    {"libxt-dev", "xt", NULL, "Xt", "X11/Intrinsic.h"},
    {"libxmu-dev", "xmu", NULL, "Xmu", "X11/Xmu/Xmu.h"},
    {"libxaw7-dev", "xaw7", NULL, "Xaw Xaw7", "X11/Xaw/Command.h"},
    {"libxpm-dev", "xpm", NULL, "Xpm", "X11/xpm.h"},
    {"libxrandr-dev", "xrandr", NULL, "Xrandr", "X11/extensions/Xrandr.h"},
    {"libxinerama-dev", "xinerama", NULL, "Xinerama", "X11/extensions/Xinerama.h"},
    {"libxss-dev", "xscrnsaver", NULL, "Xss", "X11/extensions/scrnsaver.h"},
    {"libxcursor-dev", "xcursor", NULL, "Xcursor", "X11/Xcursor/Xcursor.h"},
    {"libxi-dev", "xi", NULL, "Xi", "X11/extensions/XInput2.h"},
    {"libxtst-dev", "xtst", NULL, "Xtst", "X11/extensions/XTest.h"},
    {"libxcb1-dev", "xcb", NULL, "xcb", "xcb/xcb.h"},
    {"libxkbcommon-dev", "xkbcommon", NULL, "xkbcommon", "xkbcommon/xkbcommon.h"},
    {"libxkbcommon-x11-dev", "xkbcommon-x11", NULL, NULL, NULL},
    {"libwayland-dev", "wayland-client wayland-server wayland-cursor wayland-egl wayland-scanner", "Wayland",
     "wayland-client", "wayland-client.h"},
    {"wayland-protocols", "wayland-protocols", NULL, NULL, NULL},
    {"libpixman-1-dev", "pixman-1", NULL, "pixman-1", "pixman.h"},
    {"libcairo2-dev", "cairo cairo-ft cairo-xlib cairo-gobject", "Cairo", "cairo", "cairo.h cairo/cairo.h"},
    {"libpango1.0-dev", "pango pangocairo pangoft2", "Pango", NULL, "pango/pango.h"},
    {"libfontconfig-dev", "fontconfig", "Fontconfig FontConfig", "fontconfig", "fontconfig/fontconfig.h"},
    {"libfreetype-dev", "freetype2", "Freetype", "freetype", "ft2build.h"},
    {"libharfbuzz-dev", "harfbuzz", "HarfBuzz", "harfbuzz", "hb.h"},
    {"libfcft-dev", "fcft", NULL, "fcft", "fcft/fcft.h"},
    {"libtllist-dev", "tllist", NULL, NULL, "tllist.h"},
    {"libutf8proc-dev", "libutf8proc", NULL, "utf8proc", "utf8proc.h"},
    {"libpng-dev", "libpng libpng16", "PNG", "png png16", "png.h"},
    {"libjpeg-dev", "libjpeg", "JPEG", "jpeg", "jpeglib.h"},
    {"libtiff-dev", "libtiff-4", "TIFF", "tiff", "tiffio.h"},
    {"libgif-dev", NULL, "GIF", "gif", "gif_lib.h"},
    {"libwebp-dev", "libwebp", "WebP", "webp", "webp/decode.h"},
    {"libsdl2-dev", "sdl2", "SDL2", "SDL2", "SDL2/SDL.h SDL.h"},
    {"libsdl2-image-dev", "SDL2_image", "SDL2_image", "SDL2_image", "SDL2/SDL_image.h SDL_image.h"},
    {"libsdl2-mixer-dev", "SDL2_mixer", "SDL2_mixer", "SDL2_mixer", "SDL2/SDL_mixer.h SDL_mixer.h"},
    {"libsdl2-ttf-dev", "SDL2_ttf", "SDL2_ttf", "SDL2_ttf", "SDL2/SDL_ttf.h SDL_ttf.h"},
    {"libsdl1.2-dev", "sdl", "SDL", "SDL", "SDL/SDL.h"},
    {"libgl-dev", "gl opengl", "OpenGL", "GL", "GL/gl.h"},
    {"libglu1-mesa-dev", "glu", NULL, "GLU", "GL/glu.h"},
    {"freeglut3-dev", "glut", "GLUT", "glut", "GL/glut.h"},
    {"libglew-dev", "glew", "GLEW", "GLEW", "GL/glew.h"},
    {"libglfw3-dev", "glfw3", "glfw3 GLFW3", "glfw", "GLFW/glfw3.h"},
    {"libegl-dev", "egl", NULL, "EGL", "EGL/egl.h"},
    {"libdrm-dev", "libdrm", NULL, "drm", "xf86drm.h"},
    {"libasound2-dev", "alsa", "ALSA", "asound", "alsa/asoundlib.h"},
    {"libpulse-dev", "libpulse libpulse-simple libpulse-mainloop-glib", "PulseAudio", "pulse", "pulse/pulseaudio.h"},
    {"libmpdclient-dev", "libmpdclient", NULL, "mpdclient", "mpd/client.h"},
    {"libsqlite3-dev", "sqlite3", "SQLite3", "sqlite3", "sqlite3.h"},
    {"libxml2-dev", "libxml-2.0", "LibXml2", "xml2", "libxml/parser.h libxml/tree.h"},
    {"libxslt1-dev", "libxslt libexslt", "LibXslt", "xslt", "libxslt/xslt.h"},
    {"libexpat1-dev", "expat", "EXPAT", "expat", "expat.h"},
    {"libpcre3-dev", "libpcre libpcreposix", "PCRE", "pcre", "pcre.h"},
    {"libpcre2-dev", "libpcre2-8 libpcre2-posix", "PCRE2", "pcre2-8 pcre2-posix", "pcre2.h pcre2posix.h"},
    {"libonig-dev", "oniguruma", NULL, "onig", "oniguruma.h"},
    {"libjansson-dev", "jansson", "jansson Jansson", "jansson", "jansson.h"},
    {"libjson-c-dev", "json-c", "json-c", "json-c", "json-c/json.h json.h"},
    {"libcjson-dev", "libcjson", "cJSON", "cjson", "cjson/cJSON.h"},
    {"libyajl-dev", "yajl", NULL, "yajl", "yajl/yajl_parse.h yajl/yajl_gen.h"},
    {"libyaml-dev", "yaml-0.1", NULL, "yaml", "yaml.h"},
    {"libconfuse-dev", "libconfuse", NULL, "confuse", "confuse.h"},
    {"libconfig-dev", "libconfig", NULL, "config", "libconfig.h"},
    {"libbz2-dev", "bzip2", "BZip2", "bz2", "bzlib.h"},
    {"liblzma-dev", "liblzma", "LibLZMA", "lzma", "lzma.h"},
    {"libzstd-dev", "libzstd", "zstd ZSTD Zstd", "zstd", "zstd.h"},
    {"liblz4-dev", "liblz4", "LZ4 lz4", "lz4", "lz4.h"},
    {"liblzo2-dev", "lzo2", "LZO", "lzo2", "lzo/lzo1x.h"},
    {"libbrotli-dev", "libbrotlienc libbrotlidec libbrotlicommon", NULL, "brotlienc", "brotli/encode.h"},
    {"libarchive-dev", "libarchive", "LibArchive", "archive", "archive.h"},
    {"libgmp-dev", "gmp", "GMP", "gmp", "gmp.h"},
    {"libmpfr-dev", "mpfr", "MPFR", "mpfr", "mpfr.h"},
    {"libffi-dev", "libffi", NULL, "ffi", "ffi.h"},
    {"libgcrypt20-dev", "libgcrypt", NULL, "gcrypt", "gcrypt.h"},
    {"libgnutls28-dev", "gnutls", "GnuTLS", "gnutls", "gnutls/gnutls.h"},
    {"libsodium-dev", "libsodium", "sodium", "sodium", "sodium.h"},
    {"nettle-dev", "nettle hogweed", NULL, "nettle", "nettle/md5.h"},
    {"libidn2-dev", "libidn2", NULL, "idn2", "idn2.h"},
    {"libidn-dev", "libidn", NULL, "idn", "idna.h"},
    {"libunistring-dev", NULL, NULL, "unistring", "unistr.h"},
    {"libpsl-dev", "libpsl", NULL, "psl", "libpsl.h"},
    {"libssh2-1-dev", "libssh2", NULL, "ssh2", "libssh2.h"},
    {"libnghttp2-dev", "libnghttp2", NULL, "nghttp2", "nghttp2/nghttp2.h"},
    {"libbsd-dev", "libbsd libbsd-overlay", NULL, "bsd", "bsd/string.h bsd/stdlib.h"},
    {"libmd-dev", "libmd", NULL, "md", "md5.h sha2.h"},
    {"libcap-dev", "libcap", NULL, "cap", "sys/capability.h"},
    {"libcap-ng-dev", "libcap-ng", NULL, "cap-ng", "cap-ng.h"},
    {"libacl1-dev", "libacl", NULL, "acl", "sys/acl.h acl/libacl.h"},
    {"libattr1-dev", "libattr", NULL, "attr", "attr/xattr.h attr/attributes.h attr/libattr.h"},
    {"libselinux1-dev", "libselinux", NULL, "selinux", "selinux/selinux.h"},
    {"libaudit-dev", "audit", NULL, "audit", "libaudit.h"},
    {"libpam0g-dev", "pam", NULL, "pam", "security/pam_appl.h"},
    {"libsystemd-dev", "libsystemd", NULL, "systemd", "systemd/sd-daemon.h"},
    {"libudev-dev", "libudev", "UDev", "udev", "libudev.h"},
    {"libdbus-1-dev", "dbus-1", "DBus", "dbus-1", "dbus/dbus.h"},
    {"libusb-1.0-0-dev", "libusb-1.0", "LibUSB", "usb-1.0", "libusb.h libusb-1.0/libusb.h"},
    {"libpcap-dev", "libpcap", "PCAP", "pcap", "pcap.h pcap/pcap.h"},
    {"libnl-3-dev", "libnl-3.0", NULL, "nl-3", "netlink/netlink.h"},
    {"libnl-genl-3-dev", "libnl-genl-3.0", NULL, "nl-genl-3", "netlink/genl/genl.h"},
    {"libmnl-dev", "libmnl", NULL, "mnl", "libmnl/libmnl.h"},
    {"libnuma-dev", "numa", NULL, "numa", "numa.h"},
    {"libelf-dev", "libelf", "LibElf", "elf", "libelf.h gelf.h"},
    {"libdw-dev", "libdw", NULL, "dw", "dwarf.h elfutils/libdw.h"},
    {"libunwind-dev", "libunwind", NULL, "unwind", "libunwind.h"},
    {"libseccomp-dev", "libseccomp", NULL, "seccomp", "seccomp.h"},
    {"libfuse-dev", "fuse", NULL, "fuse", "fuse.h fuse/fuse.h"},
    {"libfuse3-dev", "fuse3", NULL, "fuse3", "fuse3/fuse.h"},
    {"uuid-dev", "uuid", "UUID", "uuid", "uuid/uuid.h"},
    {"libblkid-dev", "blkid", NULL, "blkid", "blkid/blkid.h"},
    {"libmount-dev", "mount", NULL, "mount", "libmount/libmount.h"},
    {"libpopt-dev", "popt", NULL, "popt", "popt.h"},
    {"libslang2-dev", "slang", NULL, "slang", "slang.h slang/slang.h"},
    {"libgpm-dev", NULL, NULL, "gpm", "gpm.h"},
    {"libhwloc-dev", "hwloc", NULL, "hwloc", "hwloc.h"},
    {"libsensors-dev", NULL, NULL, "sensors", "sensors/sensors.h"},
    {"libpci-dev", "libpci", NULL, "pci", "pci/pci.h"},
    {"libkmod-dev", "libkmod", NULL, "kmod", "libkmod.h"},
    {"libiw-dev", NULL, NULL, "iw", "iwlib.h"},
    {"libxxhash-dev", "libxxhash", "xxHash", "xxhash", "xxhash.h"},
    {"libhiredis-dev", "hiredis", NULL, "hiredis", "hiredis/hiredis.h"},
    {"libjemalloc-dev", "jemalloc", NULL, "jemalloc", "jemalloc/jemalloc.h"},
    {"liblua5.4-dev", "lua5.4 lua-5.4 lua54 lua", "Lua", "lua5.4", "lua.h lua5.4/lua.h"},
    {"liblua5.3-dev", "lua5.3 lua-5.3 lua53", NULL, "lua5.3", "lua5.3/lua.h"},
    {"liblua5.1-0-dev", "lua5.1 lua-5.1 lua51", NULL, "lua5.1", "lua5.1/lua.h"},
    {"libluajit-5.1-dev", "luajit", "LuaJIT", "luajit-5.1", "luajit.h"},
    {"python3-dev", "python3 python3-embed", "Python3", NULL, "Python.h"},
    {"tcl-dev", "tcl", "TCL", "tcl", "tcl.h"},
    {"libperl-dev", NULL, NULL, "perl", "EXTERN.h"},
    {"guile-3.0-dev", "guile-3.0", NULL, NULL, "libguile.h"},
    {"libdb-dev", NULL, NULL, "db", "db.h"},
    {"libgdbm-dev", NULL, NULL, "gdbm", "gdbm.h ndbm.h"},
    {"libpq-dev", "libpq", "PostgreSQL", "pq", "libpq-fe.h"},
    {"libmariadb-dev", "libmariadb mariadb", "MySQL", "mariadb", "mysql.h"},
    {"libldap-dev", "ldap", NULL, "ldap", "ldap.h"},
    {"libkrb5-dev", "krb5 krb5-gssapi", NULL, "gssapi_krb5", "krb5.h gssapi/gssapi.h"},
    {"libsasl2-dev", "libsasl2", NULL, "sasl2", "sasl/sasl.h"},
    {"libmicrohttpd-dev", "libmicrohttpd", NULL, "microhttpd", "microhttpd.h"},
    {"libwebsockets-dev", "libwebsockets", "Libwebsockets", "websockets", "libwebsockets.h"},
    {"libev-dev", NULL, NULL, "ev", "ev.h"},
    {"libc-ares-dev", "libcares", "c-ares", "cares", "ares.h"},
    {"libmagic-dev", "libmagic", NULL, "magic", "magic.h"},
    {"libchromaprint-dev", "libchromaprint", NULL, "chromaprint", "chromaprint.h"},
    {"libavcodec-dev", "libavcodec", NULL, "avcodec", "libavcodec/avcodec.h"},
    {"libavformat-dev", "libavformat", NULL, "avformat", "libavformat/avformat.h"},
    {"libavutil-dev", "libavutil", NULL, "avutil", "libavutil/avutil.h"},
    {"libswscale-dev", "libswscale", NULL, "swscale", "libswscale/swscale.h"},
    {"libsndfile1-dev", "sndfile", "SndFile", "sndfile", "sndfile.h"},
    {"libsamplerate0-dev", "samplerate", NULL, "samplerate", "samplerate.h"},
    {"libfftw3-dev", "fftw3 fftw3f", "FFTW3", "fftw3", "fftw3.h"},
    {"libogg-dev", "ogg", "Ogg", "ogg", "ogg/ogg.h"},
    {"libvorbis-dev", "vorbis vorbisfile vorbisenc", "Vorbis", "vorbis vorbisfile",
     "vorbis/vorbisfile.h vorbis/codec.h"},
    {"libflac-dev", "flac", "FLAC", "FLAC", "FLAC/all.h"},
    {"libopus-dev", "opus", "Opus", "opus", "opus/opus.h"},
    {"libmad0-dev", "mad", NULL, "mad", "mad.h"},
    {"libid3tag0-dev", "id3tag", NULL, "id3tag", "id3tag.h"},
    {"portaudio19-dev", "portaudio-2.0", "PortAudio", "portaudio", "portaudio.h"},
    {"libao-dev", "ao", NULL, "ao", "ao/ao.h"},
    {"libaa1-dev", NULL, NULL, "aa", "aalib.h"},
    {"libcaca-dev", "caca", NULL, "caca", "caca.h"},
    {"libexif-dev", "libexif", NULL, "exif", "libexif/exif-data.h"},
    {"liblcms2-dev", "lcms2", "LCMS2", "lcms2", "lcms2.h"},
    {"libimlib2-dev", "imlib2", NULL, "Imlib2", "Imlib2.h"},
    {"librsvg2-dev", "librsvg-2.0", NULL, "rsvg-2", NULL},
    {"libgd-dev", "gdlib", "GD", "gd", "gd.h"},
    {"libgmock-dev", NULL, NULL, NULL, "gmock/gmock.h"},
    {"libgtest-dev", "gtest", "GTest", "gtest", "gtest/gtest.h"},
    {"check", "check", "Check", "check", "check.h"},
    {"libcmocka-dev", "cmocka", "cmocka", "cmocka", "cmocka.h"},
    {"libboost-dev", NULL, "Boost", NULL, "boost/version.hpp boost/config.hpp"},
    {"libfmt-dev", "fmt", "fmt", "fmt", "fmt/format.h fmt/core.h"},
    {"libspdlog-dev", "spdlog", "spdlog", "spdlog", "spdlog/spdlog.h"},
    {"nlohmann-json3-dev", "nlohmann_json", "nlohmann_json", NULL, "nlohmann/json.hpp"},
    {"qtbase5-dev", "Qt5Core Qt5Gui Qt5Widgets", "Qt5 Qt5Core Qt5Widgets", NULL, "QApplication"},
    {"libmuparser-dev", "muparser", NULL, "muparser", "muParser.h"},
    {"libltdl-dev", NULL, NULL, "ltdl", "ltdl.h"},
    {"libfl-dev", NULL, NULL, "fl", "FlexLexer.h"},
    {"libc6-dev", NULL, NULL, "c m", "stdio.h stdlib.h"},
    {"wamerican", NULL, NULL, NULL, "/usr/share/dict/words"},
    {"linux-libc-dev", NULL, NULL, NULL, "linux/types.h"},
};

static const struct {
	const char *debian, *tools;
} programs[] = {
    {"bison", "bison yacc"},
    {"flex", "flex lex"},
    {"pkg-config", "pkg-config pkgconf"},
    {"autoconf", "autoconf autoreconf autoheader autom4te"},
    {"automake", "automake aclocal aclocal-1.16 automake-1.16"},
    {"libtool", "libtoolize"},
    {"libtool-bin", "libtool"},
    {"autopoint", "autopoint"},
    {"autoconf-archive", "autoconf-archive"},
    {"gettext", "msgfmt xgettext msgmerge gettext gettextize"},
    {"intltool", "intltoolize intltool-update"},
    {"cmake", "cmake"},
    {"meson", "meson"},
    {"ninja-build", "ninja"},
    {"make", "make"},
    {"bmake", "bmake"},
    {"gcc", "gcc cc"},
    {"g++", "g++ c++"},
    {"clang", "clang"},
    {"nasm", "nasm"},
    {"yasm", "yasm"},
    {"gperf", "gperf"},
    {"m4", "m4"},
    {"bc", "bc dc"},
    {"gawk", "gawk"},
    {"ed", "ed"},
    {"perl", "perl pod2man"},
    {"python3", "python3"},
    {"ruby", "ruby"},
    {"tclsh", "tclsh"},
    {"texinfo", "makeinfo texi2any"},
    {"help2man", "help2man"},
    {"groff", "groff"},
    {"man-db", "man"},
    {"scdoc", "scdoc"},
    {"xmlto", "xmlto"},
    {"asciidoc", "asciidoc a2x"},
    {"asciidoctor", "asciidoctor"},
    {"pandoc", "pandoc"},
    {"doxygen", "doxygen"},
    {"xsltproc", "xsltproc"},
    {"rsync", "rsync"},
    {"unzip", "unzip"},
    {"zip", "zip"},
    {"xz-utils", "xz"},
    {"file", "file"},
    {"git", "git"},
    {"patch", "patch"},
    {"quilt", "quilt"},
    {"xxd", "xxd"},
    {"byacc", "byacc"},
    {"re2c", "re2c"},
    {"swig", "swig"},
    {"cython3", "cython3"},
    {"gobject-introspection", "g-ir-scanner"},
    {"valac", "valac"},
    {"libglib2.0-dev-bin", "glib-compile-resources glib-mkenums glib-genmarshal gdbus-codegen"},
    {"libwayland-bin", "wayland-scanner"},
    {"ncurses-bin", "tic infocmp"},
    {"golang-go", "go"},
    {"cargo", "cargo"},
    {"nodejs", "node"},
    {"default-jdk", "javac"},
    {"gengetopt", "gengetopt"},
    {"imagemagick", "convert"},
    {"gtk-doc-tools", "gtkdocize"},
    {"cpio", "cpio"},
    {"which", "which"},
};

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);
	if (len == 0)
		return false;
	for (const char *p = words; p != NULL && (p = strstr(p, word)) != NULL; p += len)
		if ((p == words || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

const char *spore__packages_of(const char *kind, const char *name)
{
	if (strcmp(kind, "tool") == 0) {
		for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
			if (has_word(programs[i].tools, name))
				return programs[i].debian;
		return NULL;
	}
	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
		const char *words = strcmp(kind, "package") == 0         ? libraries[i].pc
		                    : strcmp(kind, "library") == 0       ? libraries[i].libs
		                    : strcmp(kind, "CMake package") == 0 ? libraries[i].cmake
		                                                         : libraries[i].headers;
		if (has_word(words, name))
			return libraries[i].debian;
	}
	return NULL;
}

char *spore__packages_directive(const char *header)
{
	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
		if (!has_word(libraries[i].headers, header))
			continue;
		const char *pc = libraries[i].pc, *libs = libraries[i].libs;
		return pc != NULL     ? spore__xasprintf("pkg-config %.*s", (int)strcspn(pc, " "), pc)
		       : libs != NULL ? spore__xasprintf("libs -l%.*s", (int)strcspn(libs, " "), libs)
		                      : NULL;
	}
	return NULL;
}

const char *spore__packages_cmake(const char *name)
{
	static char first[64];
	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
		if (!has_word(libraries[i].cmake, name) || libraries[i].pc == NULL)
			continue;
		size_t len = strcspn(libraries[i].pc, " ");
		memcpy(first, libraries[i].pc, len);
		first[len] = '\0';
		return first;
	}
	return NULL;
}

// Build dependencies that a program itself does not need.
static bool is_extra(const char *package)
{
	static const char *const starts[] = {"debhelper",       "dh-",       "cdbs",        "po-debconf",
	                                     "quilt",           "dpkg-dev",  "lsb-release", "doxygen",
	                                     "texlive",         "graphviz",  "docbook",     "devscripts",
	                                     "dejagnu",         "hardening", "libmodule",   "config-package-dev",
	                                     "bash-completion", "systemd",   "valgrind",    NULL};
	for (size_t i = 0; starts[i] != NULL; i++)
		if (strncmp(package, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

// "\nPackage: NAME\n" of an installed package, or a name that one provides.
static bool is_installed(const char *status, const char *package)
{
	char *line = spore__xasprintf("\nPackage: %s\n", package);
	const char *at = strstr(status, line);
	free(line);
	if (at != NULL) {
		const char *end = strstr(at, "\n\n");
		const char *state = strstr(at, "\nStatus: install ok installed");
		return state != NULL && (end == NULL || state < end);
	}
	size_t len = strlen(package);
	for (const char *p = status; (p = strstr(p, "\nProvides: ")) != NULL; p++) {
		size_t line_len = strcspn(p + 1, "\n") + 1;
		for (const char *q = p + 11; (q = strstr(q, package)) != NULL && q < p + line_len; q += len)
			if (q[-1] == ' ' && strchr(" ,(\n", q[len]) != NULL)
				return true;
	}
	return false;
}

static void add_if_missing(const char *status, char *clause, struct spore__strs *packages)
{
	if (strchr(clause, '<') != NULL && strstr(clause, "<!") != NULL)
		return; // of a profile: not needed for the program
	char *architectures = strchr(clause, '[');
	if (architectures != NULL && strstr(architectures, "linux-any") == NULL &&
	    strstr(architectures, "amd64") == NULL)
		return;
	char *first = NULL, *save = NULL;
	for (char *choice = strtok_r(clause, "|", &save); choice != NULL; choice = strtok_r(NULL, "|", &save)) {
		choice += strspn(choice, " \n\t");
		choice[strcspn(choice, " (:[<\n\t")] = '\0';
		if (*choice == '\0' || is_installed(status, choice))
			return;
		if (first == NULL)
			first = choice;
	}
	if (first != NULL && !is_extra(first) && !spore__strs_has(packages, first))
		spore__strs_add(packages, first);
}

void spore__packages_build_depends(const char *control, const char *status, struct spore__strs *packages)
{
	const char *at = strstr(control, "Build-Depends:");
	if (at == NULL)
		return;
	at += strlen("Build-Depends:");
	const char *end = at + strcspn(at, "\n");
	while (*end == '\n' && (end[1] == ' ' || end[1] == '\t')) // a field goes on in lines that begin with a space
		end += 1 + strcspn(end + 1, "\n");
	char *field = spore__xstrndup(at, (size_t)(end - at)), *save = NULL;
	for (char *clause = strtok_r(field, ",", &save); clause != NULL; clause = strtok_r(NULL, ",", &save))
		add_if_missing(status, clause, packages);
	free(field);
}

void spore__packages_debian(const char *dir, struct spore__strs *packages)
{
	char *control = spore__text_file(dir, "debian/control");
	char *status = spore__text_file("/var/lib/dpkg", "status");
	if (control != NULL && status != NULL)
		spore__packages_build_depends(control, status, packages);
	free(status);
	free(control);
}

void spore__missing_packages(const struct spore__needs *n, const char *dir, struct spore__strs *packages)
{
	for (size_t i = 0; i < n->words.count; i++) {
		const char *word = n->words.items[i];
		const char *name = strrchr(word, ' ') + 1;
		char *kind = spore__xstrndup(word, (size_t)(name - word - 1));
		const char *package = spore__packages_of(kind, name);
		if (package != NULL && !spore__strs_has(packages, package))
			spore__strs_add(packages, package);
		free(kind);
	}
	if (n->words.count > 0)
		spore__packages_debian(dir, packages);
	spore__strs_sort(packages);
}
