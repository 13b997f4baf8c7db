package identify

// languages are tried together; where two have as many points the earlier wins.
var languages = []language{
	{format: "code/c", clues: []clue{
		{"#include <@", 3}, {`#include "`, 3}, {"#ifndef @$", 2}, {"#ifdef @$", 2}, {"#define @", 2}, {"#endif", 1}, {"#pragma ", 1}, {"#if ", 1},
		{"typedef ", 2}, {"struct @ {$", 2}, {"struct @$", 1}, {"struct @ @;", 1}, {"static inline ", 2}, {"static const ", 2}, {"static @ @(", 1}, {"enum @ {$", 1},
		{`extern "C"`, 4}, {"extern @ ", 2}, {"int main(", 3}, {"void @(*", 1}, {"int @(*", 1}, {"unsigned @", 2}, {"const char *", 2}, {"char *", 2},
		{"return *;$", 1}, {"/**$", 1}, {"namespace @ {$", 2}, {"template <", 3}, {"template<", 3}, {"using namespace ", 3}, {"public:$", 2}, {"private:$", 2}, {"virtual ", 2},
		{"class @ {$", 1}, {"class @ : public", 3}, {"inline ", 1}, {"uint32_t ", 2}, {"size_t ", 2}, {"goto @;$", 1},
	}},
	{format: "code/javascript", clues: []clue{
		{"function @(*{$", 2}, {"var @ =", 2}, {"var @=", 2}, {"let @ =", 2}, {"const @ =", 2}, {"const {*require(", 4}, {"module.exports", 4}, {"exports.@ =", 3},
		{`"use strict"`, 4}, {"'use strict'", 4}, {"import *from '", 3}, {`import *from "`, 3}, {"import * from '", 3}, {"export default ", 4}, {"export const ", 3},
		{"export function ", 3}, {"export class ", 3}, {"export {", 3}, {"document.", 2}, {"window.", 2}, {"console.log(", 3}, {"});$", 2}, {"})$", 1}, {"(function", 3}, {"return function", 3},
		{"this.@ = *;", 1}, {"async function ", 3}, {"$(", 1}, {"@ts-", 1}, {"describe('", 3}, {"it('", 2}, {"try {$", 1}, {"} catch (@) {$", 1}, {"if (typeof ", 2}, {"var @;$", 1},
	}, anywhere: []clue{
		{"String.fromCharCode", 3}, {"document.write(", 3}, {"document.createElement", 3}, {"unescape(", 2}, {"eval(", 2}, {"ActiveXObject(", 4}, {"function(", 2}, {"var ", 1},
		{"window.location", 2}, {".prototype.", 2}, {"WScript.", 2}, {"=>{", 2}, {"parseInt(", 1},
	}},
	{format: "code/vbs", fold: true, clues: []clue{
		{"on error resume next", 4}, {"end sub$", 3}, {"end function$", 2}, {"end if$", 1}, {"sub @", 2}, {"function @(*)$", 1}, {"dim @", 2}, {"set @ = createobject(", 4}, {"set @ = ", 2},
		{"wscript.@", 2}, {"msgbox ", 3}, {"attribute vb_name", 4}, {"private sub @", 3}, {"public sub @", 3}, {"option explicit$", 3}, {"const @ = ", 1}, {"rem ", 1}, {"' ", 1},
		{"execute(", 2}, {"executeglobal ", 4}, {"for each @ in ", 1}, {"loop$", 1}, {"next$", 1}, {"call @(", 1}, {"if *then$", 1},
	}, anywhere: []clue{{"createobject(", 3}, {"wscript.shell", 2}, {"execute(", 2}, {"chr(", 1}, {"end function", 2}, {"dim ", 1}}},
	{format: "code/ps1", fold: true, clues: []clue{
		{"function @-@", 4}, {"param(", 2}, {"param ($", 2}, {"[cmdletbinding(", 4}, {"[parameter(", 4}, {"write-host ", 4}, {"write-output ", 4}, {"write-error ", 4}, {"import-module ", 4},
		{"invoke-", 3}, {"set-@ ", 3}, {"get-@", 2}, {"new-object ", 4}, {"start-process ", 4}, {"$@ = new-object ", 5}, {"$@ = [", 3}, {"$@ = get-", 4}, {"$@ = @(", 3}, {"$@ = $", 1}, {"$@ = \"", 1}, {"$env:@", 3},
		{"[system.", 2}, {"[net.", 3}, {"#requires -", 4}, {"if (-not ", 4}, {"foreach ($@ in $", 3}, {"try {$", 1}, {"<#", 2}, {".synopsis$", 4}, {"if (*-eq ", 3}, {"[byte[]]", 3}, {"iex ", 3}, {"add-type ", 4},
		{"$erroractionpreference", 5},
	}, anywhere: []clue{
		{"new-object", 3}, {"frombase64string", 3}, {"net.webclient", 3}, {"invoke-expression", 3}, {"iex(", 2}, {"downloadstring(", 2}, {"-encodedcommand", 2}, {"[convert]::", 2}, {"[char]", 1}, {"| iex", 3}, {"powershell", 1}, {"-w hidden", 2}, {" -enc ", 2}, {"-windowstyle hidden", 2}, {"-nop ", 1},
	}},
	{format: "code/batch", fold: true, clues: []clue{
		{"@echo off", 5}, {"setlocal$", 2}, {"setlocal enable", 4}, {"endlocal", 2}, {"if exist ", 2}, {"if not exist ", 3}, {"if errorlevel ", 4}, {"if defined ", 3}, {"if not defined ", 3}, {"if \"%@%\"", 4}, {"goto ", 2}, {"goto:", 3}, {"set @=", 2}, {"set /", 3},
		{"echo.", 3}, {"rem ", 1}, {"::", 1}, {":@$", 1}, {"for %%", 4}, {"for /", 4}, {"call :", 4}, {"pushd ", 1}, {"cd /d ", 4}, {"del /", 3}, {"taskkill ", 4}, {"reg add ", 4}, {"reg delete ", 4}, {"net user ", 4}, {"schtasks ", 4},
		{"start /", 3}, {"%@%", 1}, {"exit /b", 4}, {"attrib ", 2}, {"netsh ", 3}, {"powershell ", 3}, {"vssadmin ", 3},
	}, anywhere: []clue{{"powershell -", 2}, {"cmd /c", 2}, {"%temp%", 2}, {"%appdata%", 2}, {"&set ", 2}, {"certutil -", 2}, {"%~dp0", 3}, {":~0,", 2}}},
	{format: "code/python", clues: []clue{
		{"import @$", 2}, {"import @ as @$", 3}, {"import @.@", 1}, {"from @ import ", 3}, {"from @.*import ", 3}, {"def @(*):$", 3}, {"def @(self", 4}, {"class @:$", 3}, {"class @(*):$", 3},
		{"if __name__ ==", 5}, {"elif *:$", 3}, {"else:$", 1}, {"try:$", 2}, {"except*:$", 2}, {"for @ in *:$", 2}, {"with *as @:$", 3}, {"print(", 1}, {"self.@", 2}, {"raise @(", 2}, {"@property$", 3}, {"__@__ = ", 3}, {`"""`, 2},
		{"return ", 0}, {"async def ", 4}, {"lambda ", 1}, {"if *:$", 1}, {"@pytest.", 3},
	}},
	{format: "code/perl", clues: []clue{
		{"use strict;", 4}, {"use warnings", 4}, {"use @::@", 3}, {"use @;$", 1}, {"my $@", 3}, {"my (", 2}, {"my @", 2}, {"my %", 2}, {"our $", 3}, {"our @", 3}, {"sub @ {", 3}, {"sub @$", 2}, {"package @::", 3}, {"package @;$", 1},
		{"=head1 ", 2}, {"=cut$", 2}, {"__END__$", 2}, {"1;$", 2}, {"$@->", 2}, {"@ISA ", 3}, {"require @::", 2}, {"foreach my ", 3}, {"print STDERR ", 3}, {"return unless ", 2}, {"unless (", 2}, {"shift;", 1}, {"bless ", 2}, {"eval 'exec ", 2}, {"die \"", 2},
		{"require \"", 1}, {"eval 'sub ", 4}, {"require '_h2ph_pre.ph'", 4},
	}},
	{format: "code/ruby", clues: []clue{
		{"require '", 3}, {"require \"", 2}, {"require_relative ", 4}, {"def @$", 3}, {"def @(*)$", 2}, {"def self.@", 4}, {"end$", 2}, {"class @ < @", 4}, {"class @$", 1}, {"module @$", 2}, {"attr_accessor ", 4}, {"attr_reader ", 4}, {"puts ", 2},
		{"elsif ", 1}, {"unless ", 1}, {"begin$", 1}, {"rescue ", 2}, {"rescue$", 2}, {"@@ =", 1}, {"if @$", 0}, {"include @::", 2}, {"# frozen_string_literal", 4}, {"describe \"", 2},
	}},
	{format: "code/php", clues: []clue{{"<?php", 5}, {"<?=", 2}, {"$this->", 3}, {"namespace @\\", 4}, {"use @\\", 3}, {"?>$", 2}, {"public function @(", 3}, {"$@ = array(", 3}, {"echo ", 0}}},
	{format: "code/go", clues: []clue{
		{"package @$", 3}, {"import ($", 3}, {`import "*"$`, 2}, {"func @(*{$", 2}, {"func (@ *) @(", 4}, {"type @ struct {$", 3}, {"type @ interface {$", 3}, {"var @ = ", 1}, {"if err != nil {$", 4}, {"defer ", 2}, {"//go:build ", 3}, {"return nil", 1}, {"const ($", 3}, {"var ($", 3},
		{"func @()$", 1}, {"go func(", 3}, {"func @[", 2}, {"type @ ", 1}, {"// Code generated ", 1},
	}},
	{format: "code/rust", clues: []clue{
		{"fn @(*{$", 3}, {"pub fn ", 4}, {"pub struct ", 4}, {"pub enum ", 4}, {"pub mod ", 4}, {"use @::*;$", 3}, {"impl @", 2}, {"impl<", 3}, {"let mut ", 4}, {"#[derive(", 4}, {"#![", 3}, {"#[", 1}, {"mod @;$", 3}, {"extern crate ", 4}, {"match @ {$", 2}, {"println!(", 4}, {"//! ", 1}, {"macro_rules!", 5},
		{"unsafe {$", 2}, {"use crate::", 4}, {"use std::", 4},
	}},
	{format: "code/java", clues: []clue{
		{"package @.*;$", 3}, {"import java.", 4}, {"import javax.", 4}, {"import static ", 3}, {"import @.*;$", 2}, {"public class ", 3}, {"public interface ", 3}, {"public enum ", 2}, {"public final class ", 4}, {"public abstract class ", 3}, {"@Override$", 3}, {"private static final ", 3}, {"public static void main(", 4},
		{"private final ", 3}, {"System.out.", 3}, {"throws ", 1}, {"* @param ", 1}, {"public @(", 1}, {"final class ", 2}, {"protected ", 1}, {"class @ extends @ ", 2}, {"class @ implements ", 3},
	}, anywhere: []clue{{"public static void main(String", 4}, {"System.out.print", 3}}},
	{format: "code/csharp", clues: []clue{
		{"using System;", 5}, {"using System.", 5}, {"using Microsoft.", 4}, {"using @.@;$", 2}, {"using @ = @", 1}, {"namespace @$", 2}, {"namespace @.@", 3}, {"public class @$", 2}, {"public class @ : @", 3}, {"public sealed class ", 4}, {"public static class ", 4}, {"public partial class ", 4}, {"internal class ", 4}, {"internal static ", 3},
		{"[assembly: ", 4}, {"[DllImport(", 4}, {"public *{ get; set; }", 4}, {"Console.Write", 3}, {"foreach (var ", 3}, {"#region", 3}, {"static void Main(", 4}, {"public override ", 3}, {"/// <summary>", 3},
	}},
	{format: "code/css", clues: []clue{
		{"@charset \"", 4}, {"@media ", 3}, {"@import url(", 4}, {"@font-face", 4}, {"@keyframes ", 4}, {".@*{$", 2}, {"body*{", 2}, {"a:hover", 3}, {"html*{", 2}, {"table*{$", 1}, {"td*{$", 1}, {"#@*{$", 1}, {"div*{$", 1}, {"h1*{", 1}, {"pre*{$", 1}, {":root*{", 3}, {"p*{$", 1},
		{"color:*;$", 1}, {"margin:*;$", 2}, {"margin-@:*;$", 1}, {"padding:*;$", 2}, {"padding-@:*;$", 1}, {"background:*;$", 1}, {"background-color:*;$", 2}, {"font-size:*;$", 2}, {"font-family:*;$", 2}, {"font-weight:*;$", 2}, {"text-align:*;$", 2}, {"display:*;$", 2}, {"width:*;$", 1}, {"border:*;$", 1},
		{"text-decoration:*;$", 2},
	}, anywhere: []clue{{"{margin:", 2}, {"{color:", 2}, {";padding:", 2}, {"{display:", 2}, {";font-size:", 2}, {"@media ", 2}, {"{background", 2}, {":hover{", 2}}},
	{format: "code/sql", fold: true, clues: []clue{
		{"create table ", 4}, {"create or replace ", 4}, {"create view ", 4}, {"create function ", 4}, {"create index ", 4}, {"create unique index ", 4}, {"create extension ", 4}, {"create schema ", 4}, {"insert into ", 4}, {"alter table ", 4}, {"alter function ", 4}, {"alter extension ", 4}, {"drop table ", 4}, {"drop function ", 4}, {"drop view ", 4}, {"select * from ", 3}, {"select ", 1},
		{"update @ set ", 3}, {"delete from ", 4}, {"grant ", 2}, {"revoke ", 3}, {"-- ", 1}, {"begin;", 2}, {"commit;", 3}, {"from @", 0}, {"where @", 1}, {"\\echo ", 2}, {"language ", 1}, {"as $$", 3}, {"comment on ", 4}, {"pragma @ = ", 3}, {"create type ", 4}, {"create aggregate ", 4}, {"create operator ", 4}, {"returns ", 1}, {"set @ = ", 1},
		{"exec @", 1}, {"declare @@", 3},
	}},
	{format: "code/lisp", clues: []clue{
		{"(defun ", 4}, {"(defvar ", 4}, {"(defmacro ", 4}, {"(defconst ", 4}, {"(defcustom ", 4}, {"(define ", 3}, {"(setq ", 3}, {"(require ", 2}, {"(provide ", 3}, {"(in-package ", 5}, {"(let ((", 2}, {"(define-module ", 4}, {"(use-modules ", 4}, {";; ", 1}, {";;; ", 2}, {"(lambda (", 2}, {"(defpackage ", 5}, {"(eval-when", 3}, {"(interactive", 3},
	}},
	{format: "code/protobuf", clues: []clue{{`syntax = "proto`, 5}, {"message @ {$", 3}, {"option @ = *;$", 1}, {"service @ {$", 2}, {"rpc @(", 3}, {"repeated @ @ = ", 4}, {"optional @ @ = ", 4}, {`import "*.proto";$`, 4}}},
	{format: "code/glsl", clues: []clue{
		{"#version ", 4}, {"uniform @ @", 3}, {"precision mediump ", 4}, {"precision highp ", 4}, {"precision lowp ", 4}, {"varying ", 3}, {"attribute vec", 4}, {"gl_Position ", 4}, {"gl_FragColor ", 4}, {"layout(", 3}, {"layout (", 3}, {"in vec", 2}, {"out vec", 2}, {"vec4 ", 2}, {"void main()", 1}, {"void main(void)", 1},
	}},
	{format: "code/idl", clues: []clue{{"importlib(", 4}, {"[uuid(", 4}, {"uuid(", 4}, {"helpstring(", 4}, {"[helpstring(", 4}, {`import "*.idl";$`, 4}, {"interface @ : I@", 4}, {"coclass @", 4}, {"library @$", 2}, {"dispinterface ", 4}, {"[object,", 4}, {"HRESULT @(", 3}, {"[propget", 4}}},
	{format: "code/au3", fold: true, clues: []clue{
		{"#include <@.au3>", 5}, {"#notrayicon", 5}, {"#requireadmin", 4}, {"#autoit3wrapper", 5}, {"endfunc", 2}, {"func @(", 1}, {"local $@", 3}, {"global $@", 3}, {"dim $@", 3}, {"opt(\"", 4}, {"wend$", 2}, {"guicreate(", 4}, {"winwait", 3}, {"if *then$", 1}, {"endif$", 1}, {"$@ = guic", 4}, {"#endregion", 1},
	}},
	{format: "code/ducky", clues: []clue{{"DELAY @$", 3}, {"STRING ", 3}, {"STRINGLN ", 4}, {"GUI @$", 3}, {"ENTER$", 2}, {"REM ", 1}, {"DEFAULT_DELAY ", 4}, {"DEFAULTDELAY ", 4}, {"CTRL @", 1}, {"ALT @", 1}, {"WINDOWS @$", 2}, {"ATTACKMODE ", 4}}},
	{format: "code/jsp", clues: []clue{{"<%@page ", 5}, {"<%@ page ", 5}, {"<%@ taglib ", 5}, {"<%@ include ", 4}, {"<%!", 3}, {"<%=", 2}, {"<jsp:", 4}, {"<% ", 1}, {"<%$", 2}}},
	{format: "code/markdown", clues: []clue{
		{"## @", 2}, {"### @", 2}, {"```", 3}, {"# @", 1}, {"[![", 4}, {"[@*](http", 3}, {"- [@*](", 3}, {"* [@*](", 3}, {"- **", 2}, {"* `", 2}, {"- `", 2}, {"**@", 1}, {"1. @", 1}, {"> @", 1}, {"[@]: http", 3}, {"~~~", 2},
	}, anywhere: []clue{{"](http", 3}, {"](#", 2}, {"](./", 2}, {"\n## ", 2}, {"\n# ", 1}}},
	{format: "log/vipermonkey", clues: []clue{{"FILE: /", 1}, {"VBA MACRO ", 3}, {"in file: ", 1}, {"VBA CODE (with long lines collapsed):", 10}, {"PARSING VBA CODE:", 10}}},
	{format: "text/rdp", fold: true, clues: []clue{
		{"full address:s:", 3}, {"screen mode id:i:", 3}, {"desktopwidth:i:", 2}, {"desktopheight:i:", 2}, {"session bpp:i:", 2}, {"winposstr:s:", 2}, {"authentication level:i:", 2}, {"redirectclipboard:i:", 2}, {"redirectprinters:i:", 2}, {"username:s:", 1}, {"remoteapplicationmode:i:", 3}, {"gatewayhostname:s:", 3},
	}},
}
