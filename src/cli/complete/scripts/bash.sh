# Completion of @FILE@ in bash. For `kubectl ...` see `@NAME@ completion kubectl`.
@FUNCTION@() {
  local words=() word rest=${COMP_LINE:0:COMP_POINT} gap at
  # bash splits words at `=` and `:`; what stands together on the line is one word.
  for ((at = 0; at <= COMP_CWORD; at++)); do
    gap=${rest%%[![:space:]]*}
    rest=${rest#"$gap"}
    word=${COMP_WORDS[at]}
    ((at < COMP_CWORD)) || word=$rest
    if [[ $at == 0 || -n $gap ]]; then
      words+=("$word")
    else
      words[${#words[@]} - 1]+=$word
    fi
    rest=${rest:${#word}}
  done

  # bash replaces only what comes after the last `=` or `:`.
  local current=${words[${#words[@]} - 1]} breaks=${COMP_WORDBREAKS//[^=:]/} before= flag=
  [[ $current == -*=* ]] && flag=${current%%=*}=
  if [[ -n $breaks && $current == *["$breaks"]* ]]; then
    before=${current%"${current##*["$breaks"]}"}
  fi

  local directive=4 line value
  COMPREPLY=()
  while IFS= read -r line; do
    value=${line%%$'\t'*}
    if [[ $value =~ ^:[0-9]+$ ]]; then
      directive=${value#:}
    else
      value=$flag$value
      COMPREPLY+=("${value#"$before"}")
    fi
  done < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null </dev/null)

  ((directive & 2)) && compopt -o nospace
  ((directive & 32)) && compopt -o nosort 2>/dev/null
  if ((directive & 16)); then
    compopt -o dirnames
  elif ! ((directive & 4)); then
    compopt -o default
  fi
  return 0
}
complete -F @FUNCTION@ @FILE@
