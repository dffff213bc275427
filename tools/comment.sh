#!/usr/bin/env bash
# Writes the comment of a plan on a pull request, in the place of the one of an earlier run.
# GH_TOKEN may write comments, GITHUB_REPOSITORY and NUMBER say where, COMMENT is the file.
set -euo pipefail
marker=$(head -n 1 "$COMMENT")
api="repos/${GITHUB_REPOSITORY:?}/issues"
id=$(gh api --paginate "$api/${NUMBER:?}/comments" --jq ".[] | {id, body}" |
  python3 -c '
import json, sys
marker = sys.argv[1]
for line in sys.stdin:
    said = json.loads(line)
    if (said["body"] or "").startswith(marker):
        print(said["id"])
        break
' "$marker")
if [ -n "$id" ]; then
  gh api --method PATCH "$api/comments/$id" --field "body=@$COMMENT" >/dev/null
else
  gh api --method POST "$api/$NUMBER/comments" --field "body=@$COMMENT" >/dev/null
fi
