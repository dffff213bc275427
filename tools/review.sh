#!/usr/bin/env bash
# Plans patches as the environment names them and leaves comment, plan and page in one folder.
# BASE (may be empty), PATCHES and ARGUMENTS are split at spaces; PATCHSPEC is the command.
set -uo pipefail
out="${OUTPUT:-${RUNNER_TEMP:-.}/patchspec-review}"
mkdir -p "$out"
read -r -a patches <<<"${PATCHES:?the patch files}"
read -r -a arguments <<<"${ARGUMENTS:-}"
command=("${PATCHSPEC:-patchspec}")
words=()
[ -n "${BASE:-}" ] && words+=("$BASE")
words+=("${patches[@]}" "${arguments[@]}")

say() { [ -n "${GITHUB_OUTPUT:-}" ] && echo "$1" >>"$GITHUB_OUTPUT"; return 0; }

form=text
[ -n "${GITHUB_ACTIONS:-}" ] && form=github
"${command[@]}" lint "${patches[@]}" --format "$([ $form = github ] && echo github || echo concise)" || true

"${command[@]}" plan "${words[@]}" --format markdown >"$out/comment.md" 2>"$out/problems.txt"
code=$?
if [ $code -ne 0 ]; then
  {
    echo "<!-- patchspec:problems -->"
    echo "### ❌ the patches do not fit"
    echo
    echo '````text'
    sed 's/````/` ` ` `/g' "$out/problems.txt" | head -c 50000
    echo '````'
  } >"$out/comment.md"
  "${command[@]}" plan "${words[@]}" --format "$form" || true
fi
cat "$out/comment.md"
[ -n "${GITHUB_STEP_SUMMARY:-}" ] && cat "$out/comment.md" >>"$GITHUB_STEP_SUMMARY"
say "comment=$out/comment.md"
[ $code -ne 0 ] && exit $code

"${command[@]}" plan "${words[@]}" -o "$out/plan.json" --force --detailed-exitcode >/dev/null
case $? in
  0) say "changes=false" ;;
  2) say "changes=true" ;;
  *) exit 1 ;;
esac
say "plan=$out/plan.json"
"${command[@]}" report "${words[@]}" -o "$out/report.html" --force >/dev/null || exit 1
say "report=$out/report.html"
