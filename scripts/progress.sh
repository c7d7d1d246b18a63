# Sourced by setup, run and test: one line a step, with seconds, and the log of a step that failed.
# Usage: step "what it does" command args...
# Who knows what is to come sets step_number and step_count, and the seconds that are expected: step_seconds of this step, step_rest of those after it.
mainstem_log_dir=${MAINSTEM_LOG_DIR:-.deps/logs}
mkdir -p "$mainstem_log_dir"
if [ -t 2 ]; then mainstem_tty=1; else mainstem_tty=0; fi

step_which() { [ -z "${step_count:-}" ] || printf 'step %s of %s: ' "$step_number" "$step_count"; }
step_to_go() {  # after so many seconds of this step
  [ -n "${step_count:-}" ] || return 0
  local left=$((step_seconds > $1 ? step_seconds - $1 : 0))
  printf ', about %ss to go' "$((left + step_rest))"
}

step_stop() {  # a process and those that it started
  local child
  for child in $(pgrep -P "$1" 2>/dev/null); do step_stop "$child"; done
  kill "$1" 2>/dev/null || true
}

step() {
  local title=$1 start=$SECONDS log rc=0 pid line
  shift
  log="$mainstem_log_dir/$(echo "$title" | tr -cs 'A-Za-z0-9' '-').log"
  if [ "$mainstem_tty" = 1 ]; then
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    # What runs behind does not hear Ctrl-C: apt or ninja would go on behind the prompt.
    trap 'step_stop "$pid"; exit 130' INT TERM
    while kill -0 "$pid" 2>/dev/null; do
      line=$(tail -c 300 "$log" 2>/dev/null | tr '\r' '\n' | grep -v '^ *$' | tail -n 1 | cut -c1-50)
      printf '\r\033[K  … %s%s (%ss%s) %s' "$(step_which)" "$title" "$((SECONDS - start))" "$(step_to_go $((SECONDS - start)))" "$line" >&2
      sleep 0.5
    done
    wait "$pid" || rc=$?
    trap - INT TERM
    printf '\r\033[K' >&2
  else
    printf '  … %s%s%s\n' "$(step_which)" "$title" "$(step_to_go 0)" >&2
    "$@" >"$log" 2>&1 </dev/null || rc=$?
  fi
  if [ "$rc" = 0 ]; then
    printf '  ok %s (%ss)\n' "$title" "$((SECONDS - start))" >&2
  else
    printf '  FAILED %s (%ss); the end of %s:\n' "$title" "$((SECONDS - start))" "$log" >&2
    tail -n 40 "$log" >&2
    return "$rc"
  fi
}
