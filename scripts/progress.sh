# Sourced by setup, run and test: one line a step, with seconds, and the log of a step that failed.
# Usage: step "what it does" command args...
mainstem_log_dir=${MAINSTEM_LOG_DIR:-.deps/logs}
mkdir -p "$mainstem_log_dir"
if [ -t 2 ]; then mainstem_tty=1; else mainstem_tty=0; fi

step() {
  local title=$1 start=$SECONDS log rc=0 pid line
  shift
  log="$mainstem_log_dir/$(echo "$title" | tr -cs 'A-Za-z0-9' '-').log"
  if [ "$mainstem_tty" = 1 ]; then
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
      line=$(tail -c 300 "$log" 2>/dev/null | tr '\r' '\n' | grep -v '^ *$' | tail -n 1 | cut -c1-70)
      printf '\r\033[K  … %s (%ss) %s' "$title" "$((SECONDS - start))" "$line" >&2
      sleep 0.5
    done
    wait "$pid" || rc=$?
    printf '\r\033[K' >&2
  else
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
