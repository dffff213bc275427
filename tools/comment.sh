#!/usr/bin/env bash
# Writes the comment of a plan on a pull request, in the place of the one of an earlier run.
# GH_TOKEN may write comments, GITHUB_REPOSITORY and NUMBER say where, COMMENT is the file.
set -euo pipefail
marker=$(head -n 1 "$COMMENT")
api="repos/${GITHUB_REPOSITORY:?}/issues"
first='.[] | [.id, (.body // "" | split("\n")[0] | rtrimstr("\r"))] | @tsv'
id=$(gh api --paginate "$api/${NUMBER:?}/comments" --jq "$first" |
  awk -F'\t' -v marker="$marker" '!found && $2 == marker { print $1; found = 1 }')
if [ -n "$id" ]; then
  gh api --method PATCH "$api/comments/$id" --field "body=@$COMMENT" >/dev/null
else
  gh api --method POST "$api/$NUMBER/comments" --field "body=@$COMMENT" >/dev/null
fi
