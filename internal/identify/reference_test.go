package identify

import "regexp"

// referenceRules are the rules of the reference over a description of file(1), in its order: the first that fits names the
// format. They are what docs/identify.md measures this package against.
var referenceRules = compile([][2]string{
	{`Transport Neutral Encapsulation Format`, "archive/tnef"},
	{`MS Windows HtmlHelp Data`, "archive/chm"},
	{`^PE32\+.*dll.*x86-64`, "executable/windows/dll64"},
	{`^PE32\+.*x86-64.*windows`, "executable/windows/pe64"},
	{`^PE32 .*dll`, "executable/windows/dll32"},
	{`^PE32 .*windows`, "executable/windows/pe32"},
	{`^PE32\+.*MS Windows.*\(DLL\)`, "executable/windows/dll64"},
	{`^PE32\+.*MS Windows`, "executable/windows/pe64"},
	{`^PE unknown.*windows`, "executable/windows/pe"},
	{`^PE32\+ executable \(DLL\)`, "executable/dll32"},
	{`^PE32\+ executable`, "executable/pe32"},
	{`^(MS-)?DOS executable`, "executable/windows/dos"},
	{`^COM executable`, "executable/windows/com"},
	{`^8086 relocatable`, "executable/windows/dos"},
	{`^ELF 32-bit.*executable`, "executable/linux/elf32"},
	{`^ELF 64-bit.*executable`, "executable/linux/elf64"},
	{`^ELF 32-bit.*shared object`, "executable/linux/so32"},
	{`^ELF 64-bit.*shared object`, "executable/linux/so64"},
	{`^ELF 32-bit LSB`, "executable/linux/elf32"},
	{`^ELF 64-bit LSB`, "executable/linux/elf64"},
	{`^Mach-O`, "executable/mach-o"},
	{`^7-zip archive data`, "archive/7-zip"},
	{`^ACE archive data`, "archive/ace"},
	{`^ARJ archive data`, "archive/arj"},
	{`^bzip2 compressed data`, "archive/bzip2"},
	{`^(InstallShield CAB|Microsoft Cabinet archive data)`, "archive/cabinet"},
	{`cpio archive`, "archive/cpio"},
	{`^gzip compressed data`, "archive/gzip"},
	{`ISO 9660`, "archive/iso"},
	{`^LZMA compressed data`, "archive/lzma"},
	{`^RAR archive data`, "archive/rar"},
	{`^Squashfs`, "archive/squashfs"},
	{`^(GNU|POSIX) tar archive`, "archive/tar"},
	{`^XZ compressed data`, "archive/xz"},
	{`^Zip archive data`, "archive/zip"},
	{`^(tcpdump|pcap)`, "network/tcpdump"},
	{`^PDF document`, "document/pdf"},
	{`^(PC bitmap|device independent bitmap)`, "image/bmp"},
	{`^GIF image data`, "image/gif"},
	{`^JPEG image data`, "image/jpg"},
	{`^PNG image data`, "image/png"},
	{`^MS Windows icon resource`, "image/icon"},
	{`^TIFF image data`, "image/tiff"},
	{`Installation Database|Windows Installer|Advanced Installer`, "installer/windows"},
	{`Microsoft.*Excel`, "document/office/excel"},
	{`Microsoft.*PowerPoint`, "document/office/powerpoint"},
	{`Microsoft.*Word`, "document/office/word"},
	{`Microsoft.*Visio`, "document/office/visio"},
	{`Rich Text Format`, "document/office/rtf"},
	{`^spreadsheet interchange document`, "document/office/sylk"},
	{`^CDFV2 Encrypted`, "document/office/passwordprotected"},
	{`OLE 2`, "document/office/ole"},
	{`Composite Document File|CDFV2|Microsoft.*(OOXML|Document)|Number of (Characters|Pages|Words)`, "document/office/unknown"},
	{`Macromedia Flash`, "audiovisual/flash"},
	{`^RPM `, "archive/rpm"},
	{`^Debian binary package`, "archive/deb"},
	{`ar archive`, "archive/ar"},
	{`microsoft windows autorun`, "code/autorun"},
	{`dos batch file`, "code/batch"},
	{`^(Dalvik dex|Android package \(APK\))`, "android/apk"},
	{`[ (]Jar[) ]`, "java/jar"},
	{`java program`, "java/java"},
	{`java class data`, "code/class"},
	{`perl.*script`, "code/perl"},
	{`php script`, "code/php"},
	{`python.*(script|byte)`, "code/python"},
	{`shell script|sh script`, "code/shell"},
	{`OpenGIS KML`, "code/xml"},
	{`Frame Format`, "sff"},
	{`^MS Windows shortcut`, "meta/shortcut/windows"},
	{`Mime entity text|MIME entity, ASCII text|^message/rfc822|SMTP mail|RFC 822 mail|news or mail,`, "document/email"},
	{`MS Windows Vista Event Log`, "metadata/sysmon"},
	{`html`, "code/html"},
	{`sgml`, "code/sgml"},
	{`xml`, "document/xml"},
	{`^(ASCII text|Unicode .*text|ISO-8859 text)`, "text/plain"},
})

type referenceRule struct {
	pattern *regexp.Regexp
	format  string
}

func compile(list [][2]string) (rules []referenceRule) {
	for _, r := range list {
		rules = append(rules, referenceRule{regexp.MustCompile(`(?i)` + r[0]), r[1]})
	}
	return rules
}

// trustedMIMEs give the format where the rules name none or only text.
var trustedMIMEs = map[string]string{
	"audio/mpeg": "audio/mp3", "audio/x-m4a": "audio/mp4", "audio/x-wav": "audio/wav", "audio/ogg": "audio/ogg", "audio/x-s3m": "audio/s3m",
	"audio/midi": "audio/midi", "video/mp4": "video/mp4", "video/x-msvideo": "video/avi", "video/quicktime": "video/quicktime",
	"video/x-ms-asf": "video/asf", "application/x-wine-extension-ini": "text/ini", "text/x-script.python": "code/python",
	"application/x-bytecode.python": "python/bytecode", "text/x-bytecode.python": "python/bytecode", "text/x-php": "code/php", "text/xml": "code/xml",
	"text/x-shellscript": "code/shell", "text/rtf": "document/office/rtf", "text/troff": "text/troff", "text/x-msdos-batch": "code/batch",
	"text/x-ms-regedit": "text/windows/registry", "application/x-ms-evtx": "metadata/sysmon/evt", "application/json": "text/json",
	"application/x-setupscript": "code/autorun", "application/x-bittorrent": "application/torrent", "application/x-dbf": "db/dbf",
	"application/x-sqlite3": "db/sqlite", "application/vnd.ms-opentype": "resource/font/opentype", "image/vnd.microsoft.icon": "image/icon",
	"image/x-icns": "image/icon", "image/gif": "image/gif", "image/webp": "image/webp", "image/bmp": "image/bmp", "image/wmf": "image/wmf",
	"image/svg+xml": "image/svg", "image/jpeg": "image/jpg", "image/png": "image/png", "image/x-tga": "image/tga", "image/tiff": "image/tiff",
	"image/x-win-bitmap": "image/cursor", "application/vnd.ms-outlook": "document/office/email",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": "document/office/powerpoint",
	"application/vnd.ms-powerpoint":                                             "document/office/powerpoint", "application/vnd.ms-excel": "document/office/excel",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       "document/office/excel",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "document/office/word",
	"application/msword": "document/office/word", "application/encrypted": "document/office/passwordprotected",
	"application/x-msi": "document/installer/windows", "application/pdf": "document/pdf", "application/postscript": "document/ps",
	"application/x-7z-compressed": "archive/7-zip", "application/x-tar": "archive/tar", "application/gzip": "archive/gzip",
	"application/vnd.ms-tnef": "archive/tnef", "application/x-cpio": "archive/cpio", "application/x-archive": "archive/ar",
	"application/zip": "archive/zip", "application/zlib": "archive/zlib", "application/x-arj": "archive/arj", "application/x-lzip": "archive/lzip",
	"application/x-lzh-compressed": "archive/lzh", "application/x-ms-compress-szdd": "archive/szdd", "application/x-arc": "archive/arc",
	"application/x-iso9660-image": "archive/iso", "application/x-rar": "archive/rar", "application/x-virtualbox-vhd": "archive/vhd",
	"application/x-xz": "archive/xz", "application/vnd.ms-cab-compressed": "archive/cabinet", "application/zstd": "archive/zstd",
	"application/x-bzip2": "archive/bzip2", "application/java-archive": "java/jar", "application/epub+zip": "document/epub",
	"application/vnd.tcpdump.pcap": "network/tcpdump", "message/rfc822": "document/email", "text/calendar": "text/calendar",
	"application/x-mach-binary": "executable/mach-o", "application/x-gettext-translation": "resource/mo", "application/x-hwp": "document/office/hwp",
	"application/vnd.iccprofile": "metadata/iccprofile", "application/vnd.lotus-1-2-3": "document/lotus/spreadsheet",
	"application/x-xpinstall": "application/mozilla/extension", "application/x-chrome-extension": "application/chrome/extension",
	"application/vnd.android.package-archive": "android/apk",
}

// referenceFormat applies the rules to what file(1) says. What it calls text or nothing at all goes on to the rules for
// languages, which are not here.
func referenceFormat(description, mime string) string {
	format := unknown
	for _, r := range referenceRules {
		if r.pattern.MatchString(description) {
			format = r.format
			break
		}
	}
	if format == unknown && len(mime) > 5 && mime[:5] == "text/" {
		format = "text/plain"
	}
	if format == unknown || format == "text/plain" {
		if trusted := trustedMIMEs[mime]; trusted != "" {
			return trusted
		}
	}
	return format
}
