#!/usr/bin/env bash
# Writes the diff of every machine file that changed since BASE as Markdown. Used by action.yml; by hand:
#     HETEMU=hetemu BASE=main bash .github/actions/diff/diff.sh
set -uo pipefail
hetemu=${HETEMU:-hetemu} base=${BASE:-HEAD^} files=${FILES:-*.hm} fail_on=${FAIL_ON:-never}
out=${RUNNER_TEMP:-$(mktemp -d)}/hetemu-diff.md
order=(state guest timing host cosmetic)
strongest=${#order[@]} status=0 compared=0

if ! git rev-parse --verify --quiet "$base^{commit}" > /dev/null; then
  git fetch --quiet --depth=1 origin "$base" && base=FETCH_HEAD || { echo "no revision $base" >&2; exit 2; }
fi
printf '<!-- hetemu diff -->\n## Machines\n\n' > "$out"
while IFS= read -r -d '' file; do
  compared=$((compared + 1))
  if ! git cat-file -e "$base:$file" 2> /dev/null; then
    printf '### `%s`: new\n\n' "$file" >> "$out"
    continue
  fi
  if [ ! -e "$file" ]; then
    printf '### `%s`: gone\n\n' "$file" >> "$out"
    strongest=$((strongest < 1 ? strongest : 1))
    continue
  fi
  errors=$(mktemp)
  "$hetemu" diff "$base:$file" "$file" --format markdown --fail-on cosmetic >> "$out" 2> "$errors"
  code=$?
  echo >> "$out"
  if [ $code -ne 0 ] && [ $code -ne 3 ]; then
    status=1
    { printf '### `%s`: cannot be compared\n\n```text\n' "$file"; cat "$errors"; printf '```\n\n'; } >> "$out"
    continue
  fi
  for i in "${!order[@]}"; do
    if [ "$i" -lt "$strongest" ]; then
      "$hetemu" diff "$base:$file" "$file" --fail-on "${order[$i]}" > /dev/null 2>&1
      [ $? -eq 3 ] && strongest=$i && break
    fi
  done
done < <(git diff --name-only -z "$base" -- "$files")
[ $compared -eq 0 ] && echo 'No machine file changed.' >> "$out"

class=${order[$strongest]:-equal}
cat "$out" >> "${GITHUB_STEP_SUMMARY:-/dev/stdout}"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf 'markdown=%s\nclass=%s\n' "$out" "$class" >> "$GITHUB_OUTPUT"
fi
for i in "${!order[@]}"; do
  if [ "${order[$i]}" = "$fail_on" ] && [ "$strongest" -le "$i" ]; then
    echo "changes reach the class $class" >&2
    exit 3
  fi
done
exit $status
