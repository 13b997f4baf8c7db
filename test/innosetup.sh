#!/usr/bin/env bash
# Has Inno Setup's own compiler make installers in .cache/inno, for the tests of plugins/unbox/inno.
#
# The compiler is a program for Windows, of 32 bits, that packages of npm have. Wine runs it, in a Debian of 32 bits of its own: this machine's
# stays as it is. That needs root, npm and debootstrap, and takes minutes; the small Debian is removed when the installers are there.
set -euo pipefail
cd "$(dirname "$0")/.."

compilers=(innosetup-compiler@5.5.9 innosetup-compiler@5.6.1 innosetup@6.0.5 innosetup-compiler@6.2.0 innosetup-compiler@6.3.1 innosetup@6.4.1)
methods=(none zip bzip lzma lzma2)
password=infected
dir=$PWD/.cache/inno
want="${compilers[*]} ${methods[*]} 1"

if [ "$(cat "$dir/complete" 2>/dev/null)" = "$want" ]; then exit; fi
for program in debootstrap npm unshare; do
	command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 1; }
done
rm -rf "$dir"
mkdir -p "$dir/in" "$dir/out"
root=$dir/root
debootstrap --arch=i386 --variant=minbase --include=wine,wine32 bookworm "$root"

for compiler in "${compilers[@]}"; do
	(cd "$dir" && tar -xzf "$(npm pack --silent "$compiler")")
	mkdir -p "$root/inno"
	mv "$dir/package/bin" "$root/inno/${compiler#*@}"
	rm -rf "$dir/package"
done
rm -f "$dir"/*.tgz

# What the installers have in them. A program for Windows is filtered before it is compressed.
echo "read me" >"$dir/in/readme.txt"
seq 1 20000 >"$dir/in/numbers.txt"
head -c 70000 /dev/urandom >"$dir/in/noise.bin"
cp "$root/inno/6.2.0/ISCC.exe" "$dir/in/program.exe"
cp -r "$dir/in" "$root/inno/in"
cat >"$root/inno/test.iss" <<'SCRIPT'
[Setup]
AppName=Test
AppVersion=1.5
DefaultDirName={pf}\Test
LicenseFile=in\readme.txt
OutputDir=out
Compression={#Method}
SolidCompression={#Solid}
#ifdef Word
Password={#Word}
Encryption=yes
#endif
[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "de"; MessagesFile: "compiler:Default.isl"; InfoBeforeFile: "in\readme.txt"
[Types]
Name: "full"; Description: "Full"
[Components]
Name: "main"; Description: "Main"; Types: full
[Tasks]
Name: "icon"; Description: "An icon"
[Dirs]
Name: "{app}\data"; Permissions: users-modify
[Files]
Source: "in\readme.txt"; DestDir: "{app}"; Components: main
Source: "in\readme.txt"; DestDir: "{app}\again"; DestName: "again.txt"
Source: "in\program.exe"; DestDir: "{app}"; Flags: ignoreversion
Source: "in\numbers.txt"; DestDir: "{app}\sub"
Source: "in\noise.bin"; DestDir: "{tmp}"; Flags: nocompression dontcopy
Source: "{src}\external.dat"; DestDir: "{app}"; Flags: external skipifsourcedoesntexist
[Icons]
Name: "{group}\Test"; Filename: "{app}\program.exe"; Tasks: icon
[INI]
Filename: "{app}\t.ini"; Section: "section"; Key: "key"; String: "value"
[Registry]
Root: HKLM; Subkey: "Software\Test"; ValueType: string; ValueName: "Where"; ValueData: "{app}"
[InstallDelete]
Type: files; Name: "{app}\old.txt"
[UninstallDelete]
Type: files; Name: "{app}\new.txt"
[Run]
Filename: "{app}\program.exe"; Parameters: "http://run.example/"; Flags: nowait postinstall
[UninstallRun]
Filename: "{app}\program.exe"; Parameters: "/gone"; RunOnceId: "gone"
[Code]
function InitializeSetup(): Boolean;
begin
  Log('http://code.example/');
  Result := True;
end;
SCRIPT

{
	echo "set -e; cd /inno; export HOME=/root WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml="
	for compiler in "${compilers[@]}"; do
		version=${compiler#*@}
		for method in "${methods[@]}"; do
			for solid in no yes; do
				echo "wine $version/ISCC.exe /Q /DMethod=$method /DSolid=$solid /F$version-$method-$solid test.iss </dev/null"
			done
		done
		case $version in 5.* | 6.0.*) continue ;; esac # these packages have no library that encrypts
		for method in none lzma2; do
			echo "wine $version/ISCC.exe /Q /DMethod=$method /DSolid=no /DWord=$password /F$version-$method-password test.iss </dev/null"
		done
	done
} >"$root/inno/make.sh"
# What is mounted is gone with the process: the small Debian can be removed whatever happens.
unshare --mount --propagation private sh -ec "mount --rbind /dev '$root/dev'; mount -t proc proc '$root/proc'; chroot '$root' sh /inno/make.sh"
mv "$root"/inno/out/*.exe "$dir/out/"
rm -rf "$root"
echo "$want" >"$dir/complete" # last: what is half made is made again
