"""The functions in Python, for callers that do not know: JSON-RPC, a line each, over standard input and output."""

import json
import sys


def count(text):
    return {"words": len(text.split()), "letters": sum(c.isalpha() for c in text)}


def backwards(text):
    return " ".join(reversed(text.split()))


def where():
    return "a Python program"


METHODS = {"count": count, "backwards": backwards, "where": where}


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


for line in sys.stdin:
    call = json.loads(line)
    if "id" not in call:
        continue
    if call["method"] == "each_word":
        for word in call["params"][0].split():
            send(method="$/item", params=[call["id"], word])
        send(id=call["id"], result=None)
    elif call["method"] in METHODS:
        send(id=call["id"], result=METHODS[call["method"]](*call.get("params", [])))
    else:
        send(id=call["id"], error={"code": -32601, "message": "no such method"})
