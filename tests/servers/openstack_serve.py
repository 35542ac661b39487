"""Serves one API of OpenStack on 127.0.0.1 and writes down each request; run by `openstack`."""
import os
import sys

name, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
sys.argv = sys.argv[:1]  # some of them read the command line themselves
conf = os.path.join(folder, name)
os.environ["OS_NOVA_CONFIG_DIR"] = os.environ["OS_PLACEMENT_CONFIG_DIR"] = conf
os.environ["OS_KEYSTONE_CONFIG_FILES"] = os.path.join(conf, "keystone.conf")

if name == "keystone":
    from keystone.wsgi.api import application
elif name == "placement":
    from placement.wsgi.api import application
else:
    from nova.wsgi.osapi_compute import application

from waitress import serve  # noqa: E402

requests = open(os.path.join(folder, "log", name + ".requests"), "a", buffering=1)


def written_down(environ, start_response):
    def start(status, headers, exc_info=None):
        agent = environ.get("HTTP_USER_AGENT", "-").split(" ")[0]
        path = environ.get("PATH_INFO", "")
        requests.write(f"{agent} {environ['REQUEST_METHOD']} {path} {status[:3]}\n")
        return start_response(status, headers, exc_info)

    return application(environ, start)


serve(written_down, host="127.0.0.1", port=port, threads=16, connection_limit=400)
