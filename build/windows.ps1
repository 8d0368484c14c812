# Make dist\windows_amd64\aws-role-exec.exe, on Windows, with PyInstaller's one-file kind.
# Needs Python 3.13 (py -3.13). Never run so far: docs/binary.md.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
Set-Location (Join-Path $PSScriptRoot '..')

$env:PYTHONHASHSEED = '0'
$env:SOURCE_DATE_EPOCH = '1767225600'
$venv = Join-Path $env:TEMP "aws-role-exec-build-$PID"
py -3.13 -m venv $venv
try {
    $python = Join-Path $venv 'Scripts\python.exe'
    & $python -m pip install --quiet --require-hashes --only-binary ':all:' `
        --requirement build\requirements\pyinstaller.txt `
        --requirement build\requirements\program.txt `
        --requirement build\requirements\windows.txt
    & $python -m PyInstaller --noconfirm --workpath "$venv\work" `
        --distpath dist\windows_amd64 build\windows.spec
    & dist\windows_amd64\aws-role-exec.exe --version
}
finally {
    Remove-Item -Recurse -Force $venv
}
