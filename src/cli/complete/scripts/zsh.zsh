#compdef @FILE@
# Completion of @FILE@ in zsh. For `kubectl ...` see `@NAME@ completion kubectl`.
@FUNCTION@() {
  local -a answer values shown options
  local line directive=4 value flag=
  [[ $PREFIX == -*=* ]] && flag=${PREFIX%%=*}=
  answer=("${(@f)$("${(Q)words[1]/#\~/$HOME}" __complete "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null </dev/null)}")
  for line in "${answer[@]}"; do
    value=${line%%$'\t'*}
    if [[ $value == :<-> ]]; then
      directive=${value#:}
    elif [[ -n $value ]]; then
      values+=("$flag$value")
      shown+=("${line/$'\t'/  -- }")
    fi
  done
  ((directive & 2)) && options+=(-S '')
  ((directive & 32)) && options+=(-V tags)
  if ((directive & 16)); then
    _files -/
  elif ! ((directive & 4)); then
    _files
  else
    ((${#values})) && compadd -l -d shown "${options[@]}" -a values
  fi
}
if [[ $funcstack[1] == @FUNCTION@ ]]; then
  @FUNCTION@ "$@"
else
  compdef @FUNCTION@ @FILE@
fi
