"""Databases, users and catalog for `openstack`."""
import sys
from urllib.parse import urlsplit

import pymysql
import requests


def databases(url, prefix):
    url = urlsplit(url)
    connection = pymysql.connect(host=url.hostname, port=url.port, user=url.username, password=url.password or "")
    with connection.cursor() as cursor:
        for name in ("keystone", "placement", "nova_api", "nova", "nova_cell0"):
            cursor.execute(f"DROP DATABASE IF EXISTS {prefix}{name}")
            cursor.execute(f"CREATE DATABASE {prefix}{name} CHARACTER SET utf8mb3")


def catalog(port):
    port = int(port)
    keystone = f"http://127.0.0.1:{port}/v3"
    subject = {"name": "admin", "domain": {"id": "default"}}
    auth = {"identity": {"methods": ["password"], "password": {"user": {**subject, "password": "admin"}}},
            "scope": {"project": subject}}
    answer = requests.post(keystone + "/auth/tokens", json={"auth": auth}, timeout=30)
    answer.raise_for_status()
    session = requests.Session()
    session.headers["x-auth-token"] = answer.headers["x-subject-token"]

    def ask(method, path, body=None):
        answer = session.request(method, keystone + path, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    project = ask("POST", "/projects", {"project": {"name": "service", "domain_id": "default"}})["project"]["id"]
    roles = {role["name"]: role["id"] for role in ask("GET", "/roles")["roles"]}
    for name, given in (("nova", ("admin", "service")), ("placement", ("admin",)), ("nodewarden", ("service",)),
                        ("pairs", ("admin", "service"))):
        user = {"name": name, "password": name, "domain_id": "default"}
        user = ask("POST", "/users", {"user": user})["user"]["id"]
        for role in given:
            ask("PUT", f"/projects/{project}/users/{user}/roles/{roles[role]}")
    for kind, url in (("placement", f"http://127.0.0.1:{port + 1}"), ("compute", f"http://127.0.0.1:{port + 2}/v2.1")):
        service = ask("POST", "/services", {"service": {"type": kind, "name": kind}})["service"]["id"]
        for interface in ("public", "internal"):
            ask("POST", "/endpoints", {"endpoint": {"service_id": service, "interface": interface, "url": url,
                                                    "region_id": "RegionOne"}})


{"databases": databases, "catalog": catalog}[sys.argv[1]](*sys.argv[2:])
