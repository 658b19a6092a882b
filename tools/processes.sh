# Processes that a script leaves running and ends later: sourced by tools/quickstart and tools/cluster.
#
# Each has a name; $state/NAME.pid and $state/NAME.log are its own. The script says with program_of NAME which program
# it is, as an absolute path: a pid counts only while that program runs under it, a recycled one is somebody else's.
# $script is the script's name, for messages.

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "$script" "$*" >&2; exit 1; }

pid_of() {
    local pid
    pid=$(cat "$state/$1.pid" 2>/dev/null) || return 1
    [ "$(readlink "/proc/$pid/exe" 2>/dev/null | sed 's/ (deleted)$//')" = "$(program_of "$1")" ] || return 1
    echo "$pid"
}

# SIGTERM to these. Not twice: a second one means that somebody does not want to wait.
ask_to_stop() {
    local name pid
    for name in "$@"; do
        if pid=$(pid_of "$name"); then kill -TERM "$pid"; fi
    done
}

# wait_for_stop NAME SECONDS
wait_for_stop() {
    local pid seconds=$2
    if ! pid=$(pid_of "$1"); then
        rm -f "$state/$1.pid"
        return 0
    fi
    for _ in $(seq $((seconds * 10))); do
        if ! kill -0 "$pid" 2>/dev/null; then
            rm -f "$state/$1.pid"
            echo "stopped $1 (pid $pid)"
            return 0
        fi
        sleep 0.1
    done
    die "$1 (pid $pid) still runs $seconds seconds after it was asked to stop; see $state/$1.log"
}

stop_one() {
    ask_to_stop "$1"
    wait_for_stop "$1" "${2:-10}"
}

# refuse_taken_port PROTOCOL ADDRESS REMEDY: says who holds a port, when it is not us: the most common way to fail here.
refuse_taken_port() {
    local protocol=$1 address=$2 remedy=$3
    python3 - "$protocol" "$address" <<'PY' && return 0
import socket, sys
host, port = sys.argv[2].rsplit(':', 1)
tcp = sys.argv[1] == 'tcp'
with socket.socket(type=socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as probe:
    if tcp:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((host, int(port)))
    except OSError:
        sys.exit(1)
PY
    local holder=
    if command -v ss >/dev/null; then
        holder=$(ss -Hlnp "--$protocol" "sport = :${address##*:}" 2>/dev/null |
            grep -o '"[^"]*",pid=[0-9]*' | head -n 1 || true)
    fi
    die "$address ($protocol) is in use${holder:+ by $holder}: stop that program, or $remedy"
}

# start_one NAME PROTOCOL ADDRESS REMEDY ARGUMENT...
start_one() {
    local name=$1 protocol=$2 address=$3 remedy=$4 pid
    shift 4
    if pid=$(pid_of "$name"); then
        echo "$name already runs (pid $pid)"
        return 0
    fi
    refuse_taken_port "$protocol" "$address" "$remedy"
    "$(program_of "$name")" "$@" >>"$state/$name.log" 2>&1 </dev/null &
    pid=$!
    disown "$pid"
    echo "$pid" >"$state/$name.pid"
    # For a moment it is still this script under that pid.
    for _ in $(seq 100); do
        if pid_of "$name" >/dev/null || ! kill -0 "$pid" 2>/dev/null; then break; fi
        sleep 0.01
    done
    echo "started $name (pid $pid), log in $state/$name.log"
}

# Dies with the end of its log when one of these has ended.
check_running() {
    local name
    for name in "$@"; do
        pid_of "$name" >/dev/null || { tail -n 5 "$state/$name.log" >&2; die "$name ended; its log is above"; }
    done
}

build() {
    local jobs memory_gib
    memory_gib=$(awk '/MemTotal/ { print int($2 / 1048576) }' /proc/meminfo)
    jobs=$(nproc)
    if [ $((memory_gib * 2 / 3)) -lt "$jobs" ]; then jobs=$((memory_gib * 2 / 3)); fi   # a compiler may want 1.5 GiB
    if [ "$jobs" -lt 1 ]; then jobs=1; fi
    if [ ! -f build/build.ninja ]; then
        meson setup build >build-setup.log 2>&1 || { tail -n 20 build-setup.log >&2; die "meson setup failed"; }
        mv build-setup.log build/
    fi
    local quiet=(--quiet)
    if [ -t 1 ]; then quiet=(); fi
    ninja -C build -j "$jobs" "${quiet[@]}" src/main/penstock-broker src/main/penstock-coordinator tools/cli/penstock
}
