# The servers that most tests share: a RabbitMQ, a PostgreSQL and a MariaDB on ports that no other run
# has. Sourced by tests/run and tests/prove, which set `servers` and `work`.

port_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A block of ports below those the kernel hands out by itself, locked for as long as we run, so
# that two runs side by side never choose the same one. Sets base and lock.
choose_ports() {
    local try port
    for try in {1..100}; do
        base=$((20000 + RANDOM % 600 * 20))
        lock=${TMPDIR:-/tmp}/nodewarden-tests.ports.$base
        exec 8>"$lock"
        if ! flock -n 8; then
            lock=''
            continue
        fi
        for ((port = base; port < base + 20; port++)); do
            port_free "$port" || continue 2
        done
        return 0
    done
    echo "$0: no 20 free ports in a row after $try tries" >&2
    return 1
}

# What tests know of servers, the shared ones and the scripts for their own.
tell_tests() {
    postgres_port=$((base + 10)) mariadb_port=$((base + 11))
    export NODEWARDEN_TEST_AMQP_URL=amqp://guest:guest@127.0.0.1:$base/%2f
    export NODEWARDEN_TEST_POSTGRES_URL=postgres://nodewarden:nodewarden@127.0.0.1:$postgres_port/nodewarden
    export NODEWARDEN_TEST_MYSQL_URL=mysql://nodewarden:nodewarden@127.0.0.1:$mariadb_port/mysql
    # For tests that start servers of their own, to freeze or restart them.
    export NODEWARDEN_TEST_RABBITMQ=$servers/rabbitmq
    export NODEWARDEN_TEST_POSTGRES=$servers/postgres
    export NODEWARDEN_TEST_MARIADB=$servers/mariadb
    export NODEWARDEN_TEST_IRONIC=$servers/ironic
    export NODEWARDEN_TEST_OPENSTACK=$servers/openstack
    export NODEWARDEN_TEST_PYTHON=/usr/bin/python3
    export PYTHONDONTWRITEBYTECODE=1
    # Everything that a test makes is below our folder.
    export TMPDIR=$work
}

# What it writes is not forced to the disk at once. A server that is killed loses nothing by that, only a machine
# that loses power would; servers of a test's own are as shipped.
relax() { # KIND
    local settings
    case $1 in
        postgres) settings='fsync = off\nfull_page_writes = off\n' ;;
        mariadb | mysql) settings='innodb-flush-log-at-trx-commit = 2\n' ;;
        *) return 0 ;;
    esac
    mkdir -p "$work/$1"
    printf '%b' "$settings" >"$work/$1/extra.conf"
}

# Side by side: each waits for its own disk and its own clock.
start_servers() { # KIND PORT...
    local starting=() code=0 pid
    while [ $# -gt 0 ]; do
        relax "$1"
        "$servers/$1" start "$work/$1" "$2" &
        starting+=($!)
        shift 2
    done
    for pid in "${starting[@]}"; do wait "$pid" || code=1; done
    return "$code"
}

# Stops all servers below our folder: tests start some of their own, too, and one that was killed could not
# stop its own. Each leaves in its folder the name of the script that stops it.
stop_servers() {
    local kind pid stopping=() code=0
    while read -r kind; do
        "$servers/$(cat "$kind")" stop "$(dirname "$kind")" &
        stopping+=($!)
    done < <(find "$work" -type f -name kind)
    for pid in ${stopping[@]+"${stopping[@]}"}; do wait "$pid" || code=1; done
    return "$code"
}
