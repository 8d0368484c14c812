Register-ArgumentCompleter -Native -CommandName aws-role-exec -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $before = @($commandAst.CommandElements | Where-Object {
            $_.Extent.EndOffset -lt $cursorPosition -or -not $wordToComplete
        })
    $env:COMP_WORDS = (@($before | ForEach-Object {
                if ($null -ne $_.Value) { $_.Value } else { $_.Extent.Text }
            }) + $wordToComplete) -join "`n"
    $env:_AWS_ROLE_EXEC_COMPLETE = 'powershell_complete'
    try {
        $response = @(& aws-role-exec)
    } finally {
        Remove-Item 'Env:COMP_WORDS', 'Env:_AWS_ROLE_EXEC_COMPLETE'
    }

    foreach ($line in $response) {
        $type, $value, $help = $line -split "`t", 3
        if ($type -eq 'command') {
            if ([int] $value -lt $before.Count) {
                $start = $before[[int] $value].Extent.StartOffset - $commandAst.Extent.StartOffset
                $end = $cursorPosition - $commandAst.Extent.StartOffset
                $rest = $commandAst.Extent.Text.PadRight($end).Substring($start, $end - $start)
            } else {
                $rest = $wordToComplete
            }
            [System.Management.Automation.CommandCompletion]::CompleteInput(
                $rest, $rest.Length, $null).CompletionMatches
            return
        }
        if ($type -eq 'plain') {
            if (-not $help) { $help = $value }
            [System.Management.Automation.CompletionResult]::new(
                $value, $value, 'ParameterValue', $help)
        }
    }
}
