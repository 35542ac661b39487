#!/usr/bin/env python3
"""Marks Metal3's hosts as unhealthy while nodewarden has their nodes out of service, so that no Machine chooses them.

Sets the annotation capm3.metal3.io/unhealthy on the BareMetalHost of each node that is out, and removes it when the
node is back: only where it is absent, and only while its value is still ours. Ironic's name of a node,
NAMESPACE~NAME, leads to its host. In a pod the service account is used; elsewhere `kubectl proxy` and --api help. Its
role needs get, list and patch on baremetalhosts. Stopped or cut off, it changes nothing.
"""
import json
import os
import ssl
import urllib.error
import urllib.request

from scheduler import Fleet, main, tell

ANNOTATION, OURS = "capm3.metal3.io/unhealthy", "nodewarden"
HOSTS = "/apis/metal3.io/v1alpha1/{}baremetalhosts{}"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class Api:
    """The API server: KUBERNETES_API, or that of the pod that we run in."""

    def __init__(self):
        self.url = os.environ.get("KUBERNETES_API", "https://kubernetes.default.svc").rstrip("/")
        authority = f"{ACCOUNT}/ca.crt"
        self.tls = ssl.create_default_context(cafile=authority if os.path.exists(authority) else None)

    def ask(self, method, path, body=None):
        headers = {"accept": "application/json", "content-type": "application/merge-patch+json"}
        if os.path.exists(f"{ACCOUNT}/token"):
            with open(f"{ACCOUNT}/token", encoding="ascii") as token:  # renewed now and then
                headers["authorization"] = f"Bearer {token.read().strip()}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        context = self.tls if self.url.startswith("https") else None
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return json.load(answer)


class Metal3(Fleet):
    """The nodes that are out of service, carried out on BareMetalHosts."""

    def __init__(self, http):
        super().__init__(http)
        self.api = Api()

    def take_snapshot(self):
        super().take_snapshot()
        self.carry_out()

    def hear(self, kind, message):
        super().hear(kind, message)
        self.carry_out()

    def carry_out(self):
        self.refused = False
        out = {node["name"] for node in self.out.values() if node["name"]}
        for host in self.api.ask("GET", HOSTS.format("", ""))["items"]:
            meta = host["metadata"]
            value = (meta.get("annotations") or {}).get(ANNOTATION)
            is_out = f"{meta['namespace']}~{meta['name']}" in out
            if is_out and value is None:
                self.annotate(meta, OURS)
            elif not is_out and value == OURS:
                self.annotate(meta, None)

    def annotate(self, meta, value):
        path = HOSTS.format(f"namespaces/{meta['namespace']}/", f"/{meta['name']}")
        # With the version that we looked at: a change of somebody else's in between is a conflict.
        patch = {"metadata": {"resourceVersion": meta["resourceVersion"], "annotations": {ANNOTATION: value}}}
        try:
            self.api.ask("PATCH", path, patch)
            tell(change="unhealthy" if value else "healthy", host=meta["name"])
        except urllib.error.HTTPError as fault:
            self.refused = True
            tell(change="refused", host=meta["name"], why=str(fault))  # the next position tries again


if __name__ == "__main__":
    try:
        main(Metal3, __doc__)
    except KeyboardInterrupt:
        pass
