# Completion of @FILE@ in PowerShell. For `kubectl ...` see `@NAME@ completion kubectl`.
Register-ArgumentCompleter -Native -CommandName '@FILE@', '@FILE@.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $typed = $commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition -or $_.Extent.Text -ne $wordToComplete }
    $words = @($typed | Select-Object -Skip 1 | ForEach-Object { "$_" })
    $current = "$wordToComplete"
    $flag = if ($current -match '^-[^=]*=') { $Matches[0] } else { '' }
    # Older versions lose an empty argument unless it is quoted twice.
    if ($current -eq '' -and ($PSVersionTable.PSVersion -lt [version]'7.3.0' -or $PSNativeCommandArgumentPassing -eq 'Legacy')) { $current = '""' }
    & "$($commandAst.CommandElements[0])" __complete @words $current 2>$null | ForEach-Object {
        $value, $description = $_ -split "`t", 2
        if ($value -notmatch '^:\d+$' -and $value -ne '') {
            if (-not $description) { $description = $value }
            [System.Management.Automation.CompletionResult]::new("$flag$value", $value, 'ParameterValue', $description)
        }
    }
}
