"""A Kubernetes API server as far as metal3.py needs one: lists BareMetalHosts and merges patches of their annotations,
with versions and conflicts. Its first argument is a file of hosts, its second a port. Prints each patch."""
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

with open(sys.argv[1], encoding="utf-8") as given:
    hosts = {host["metadata"]["name"]: host for host in json.load(given)}


class Handler(BaseHTTPRequestHandler):
    def answer(self, code, body):
        body = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        assert self.path == "/apis/metal3.io/v1alpha1/baremetalhosts", self.path
        self.answer(200, {"items": list(hosts.values())})

    def do_PATCH(self):
        assert self.headers["content-type"] == "application/merge-patch+json"
        patch = json.loads(self.rfile.read(int(self.headers["content-length"])))["metadata"]
        namespace, name = self.path.split("/")[5], self.path.split("/")[7]
        meta = hosts[name]["metadata"]
        assert meta["namespace"] == namespace
        if patch["resourceVersion"] != meta["resourceVersion"]:
            self.answer(409, {"reason": "Conflict"})
            return
        for key, value in patch["annotations"].items():
            if value is None:
                meta["annotations"].pop(key, None)
            else:
                meta["annotations"][key] = value
        meta["resourceVersion"] = str(int(meta["resourceVersion"]) + 1)
        print(json.dumps({"host": name, "annotations": meta["annotations"]}), flush=True)
        self.answer(200, hosts[name])

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
