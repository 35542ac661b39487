# What the scripts of private servers share; they source it. A server is ours only by its process
# id *and* the start time of that process, so that an id given again to another process is never taken
# for ours.

me=$(basename "$0")
say() { echo "$me: $*" >&2; }
die() { say "$*"; exit 1; }

# The first lines of the script itself are its help.
usage() { sed -n '2,/^set /{s/^# \{0,1\}//p}' "$0" >&2; exit 64; }

# The fields after the name of a process: state, parent, group, …; a zombie counts as gone.
fields_of() { # PID: sets fields
    local line
    { read -r line < "/proc/$1/stat"; } 2>/dev/null || return 1
    read -r -a fields <<<"${line##*) }"
    [ "${fields[0]}" != Z ]
}
started_at() { local fields; fields_of "$1" && echo "${fields[19]}"; } # PID
remember() { echo "$2 $(started_at "$2")" > "$1"; } # PIDFILE PID
alive() { # PIDFILE: prints the process id
    local pid since
    [ -s "$1" ] && read -r pid since < "$1" && [ -n "$since" ] && [ "$(started_at "$pid")" = "$since" ] && echo "$pid"
}
gone() { ! alive "$1" >/dev/null; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # PORT

wait_until() { # SECONDS COMMAND...
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# Waits for a server that was just started; one that ends meanwhile is no reason to go on waiting.
wait_answer() { # SECONDS PIDFILE LOG COMMAND...
    local deadline=$((SECONDS + $1)) pid_file=$2 log=$3
    shift 3
    until "$@"; do
        alive "$pid_file" >/dev/null || { tail -n 20 "$log" >&2; die "it ended while starting"; }
        [ "$SECONDS" -lt "$deadline" ] || die "it does not answer; see $log"
        sleep 0.1
    done
}

end_one() { # PIDFILE SIGNAL SECONDS: asks, waits, insists
    local pid
    if pid=$(alive "$1"); then
        kill -s "$2" "$pid" 2>/dev/null || true
        # A frozen process hears nothing but this.
        kill -s CONT "$pid" 2>/dev/null || true
        if ! wait_until "$3" gone "$1"; then
            kill -s KILL "$pid" 2>/dev/null || true
            wait_until 5 gone "$1" || true
        fi
    fi
    rm -f "$1"
}

# The folder of a server, made if something is to be started, in an absolute form. Two commands
# for one folder wait for each other. Daemons must not inherit descriptor 9.
enter() { # COMMAND DIR: sets dir
    case $1 in start* | schema) mkdir -p "$2" ;; esac
    [ -d "$2" ] || { [ "$1" = stop ] && exit 0; die "no folder $2"; }
    dir=$(cd "$2" && pwd -P)
    # `ctl` only talks to what runs.
    if [ "$1" = ctl ]; then return; fi
    exec 9> "$dir/lock"
    flock 9
    # Who cleans up finds by this which script stops what is here.
    case $1 in start*) echo "$me" > "$dir/kind" ;; esac
}
