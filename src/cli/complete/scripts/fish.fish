# Completion of @FILE@ in fish. For `kubectl ...` see `@NAME@ completion kubectl`.
function _@FUNCTION@
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l flag (string match -r -- '^-[^=]*=' "$current")
    set -l directive 4
    for line in ($words[1] __complete $words[2..] "$current" 2>/dev/null </dev/null)
        if string match -qr '^:[0-9]+$' -- $line
            set directive (string sub -s 2 -- $line)
        else
            printf '%s\n' "$flag$line"
        end
    end
    if test (math "bitand($directive, 16)") -ne 0
        __fish_complete_directories "$current"
    else if test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path "$current"
    end
end
complete -c @FILE@ -f -k -a '(_@FUNCTION@)'
