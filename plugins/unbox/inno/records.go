package inno

// kind is what a record is to us.
type kind int

const (
	other kind = iota
	language
	file
	location
	registry
)

// record describes the records of one kind: so many texts, each behind its length, then bytes of a fixed size. Those of one kind lie
// together, in the order of this list, which is that of their counts in the header; locations lie in a block of their own.
type record struct {
	kind    kind
	section string   // of a script that Inno Setup compiles; "" for what is not shown
	texts   []string // their names, as in that script; "" for what is not shown
	fixed   int      // bytes
}

// Sizes of what many records have.
const (
	windowsBytes = 2 * 10 // of the versions of Windows that something is for, the lowest and that from which on it is not
	number       = 4
	large        = 8 // bytes of a size
)

// conditions are texts that most records have.
var conditions = []string{"Components", "Tasks", "Languages", "Check", "AfterInstall", "BeforeInstall"}

func texts(names ...string) []string { return names }

func conditional(names ...string) []string { return append(names, conditions...) }

// choose is one of two values.
func choose[T any](which bool, yes, no T) T {
	if which {
		return yes
	}
	return no
}

// records are those of a version.
func (v version) records() []record {
	level := choose(v.from(6, 7), 1, number)
	list := []record{
		v.language(),
		{other, "CustomMessages", texts("Name", "Value"), number},
		{other, "", texts("Permissions"), 0},
		{other, "Types", texts("Name", "Description", "Languages", "Check"), windowsBytes + 2 + large},
		{other, "Components", texts("Name", "Description", "Types", "Languages", "Check"), large + level + 1 + windowsBytes + 1 + large},
		{other, "Tasks", texts("Name", "Description", "GroupDescription", "Components", "Languages", "Check"), level + 1 + windowsBytes + 1},
		{other, "Dirs", conditional("Name"), number + windowsBytes + 2 + 1},
	}
	if v.from(6, 5) {
		list = append(list, record{other, "ISSigKeys", texts("PublicX", "PublicY", "RuntimeID"), 0})
	}
	icon := conditional("Name", "Filename", "Parameters", "WorkingDir", "IconFilename", "Comment")
	if v.from(5, 3, 5) {
		icon = append(icon, "AppUserModelID")
	}
	run := texts("Filename", "Parameters", "WorkingDir", "RunOnceId", "StatusMsg")
	if v.from(5, 1, 13) {
		run = append(run, "Verb")
	}
	run = conditional(append(run, "Description")...)
	if v.from(7, 0, 0, 1) {
		run = append(run, "OnLog")
	}
	runBytes := windowsBytes + number + 1 + v.bitnessBytes() + choose(v.from(5, 1, 10), 2, 1)
	return append(list,
		v.file(),
		record{location, "", nil, v.locationBytes()},
		record{other, "Icons", icon, choose(v.from(6, 1), 16, 0) + windowsBytes + 2*number + 1 + 2 + 1},
		record{other, "INI", conditional("Filename", "Section", "Key", "String"), windowsBytes + 1},
		record{registry, "Registry", conditional("Subkey", "ValueName", "ValueData"), windowsBytes + number + 2 + 1 + v.bitnessBytes() + 2},
		record{other, "InstallDelete", conditional("Name"), windowsBytes + 1},
		record{other, "UninstallDelete", conditional("Name"), windowsBytes + 1},
		record{other, "Run", run, runBytes},
		record{other, "UninstallRun", run, runBytes},
	)
}

// bitnessBytes is the size of whether something is for 32 or 64 bits, which was among options before.
func (v version) bitnessBytes() int { return choose(v.from(7, 0, 0, 3), 1, 0) }

// languageTexts is how many texts a language has behind its fonts and its messages: a licence, and what is shown before and after.
const languageTexts = 3

func (v version) language() record {
	if v.from(6, 6) {
		return record{language, "", make([]string, 8), 2 + 4*number + 1}
	}
	r := record{language, "", make([]string, 10), number + 4*number}
	if v.hasPages() {
		r.fixed += number
	}
	if v.from(5, 2, 3) {
		r.fixed++ // whether it is written from right to left
	}
	return r
}

// hasPages tells whether languages have a character set.
func (v version) hasPages() bool { return !v.wide || v.before(5, 3) }

func (v version) file() record {
	names := texts("Source", "DestName", "FontInstall")
	if v.from(5, 2, 5) {
		names = append(names, "StrongAssemblyName")
	}
	r := record{file, "Files", conditional(names...), windowsBytes + 2*number + large + 2 + v.bitnessBytes() + 4 + 1}
	if v.from(6, 5) {
		r.texts = append(r.texts, "Excludes", "DownloadISSigSource", "DownloadUserName", "DownloadPassword", "ExtractArchivePassword", "") // the last is a list of keys
		r.fixed += fileHash + choose(v.from(6, 7), 4, 1)                                                                                   // more options
	}
	return r
}

// fileHash is the size of a hash and its kind, which came before everything else of fixed size with 6.5.
const fileHash = 32 + 1

// fileLocation is where the number of a file's location is in what is fixed.
func (v version) fileLocation() int { return choose(v.from(6, 5), fileHash, 0) + windowsBytes }

// checksumBytes is the size of the checksums of files.
func (v version) checksumBytes() int {
	switch {
	case v.from(6, 4):
		return 32 // SHA-256
	case v.from(5, 3, 9):
		return 20 // SHA-1
	}
	return 16 // MD5
}

func (v version) locationBytes() int {
	flags := 2
	switch {
	case v.from(6, 4, 3):
		flags = 1
	case v.from(6, 3):
		flags = 2 + 1 // whether the file is signed
	case v.before(5, 1, 13):
		flags = 1
	}
	return 2*number + choose(v.from(6, 5, 2), large, number) + 3*large + v.checksumBytes() + large + 2*number + flags
}

// headerText is a text of the header, with the version that it came with.
type headerText struct {
	name string
	from []int
}

var headerTexts = []headerText{
	{"AppName", nil}, {"AppVerName", nil}, {"AppId", nil}, {"AppCopyright", nil}, {"AppPublisher", nil}, {"AppPublisherURL", nil}, {"AppSupportPhone", []int{5, 1, 13}},
	{"AppSupportURL", nil}, {"AppUpdatesURL", nil}, {"AppVersion", nil}, {"DefaultDirName", nil}, {"DefaultGroupName", nil}, {"OutputBaseFilename", nil},
	{"UninstallFilesDir", nil}, {"UninstallDisplayName", nil}, {"UninstallDisplayIcon", nil}, {"AppMutex", nil}, {"DefaultUserInfoName", nil}, {"DefaultUserInfoOrg", nil},
	{"DefaultUserInfoSerial", nil}, {"AppReadmeFile", nil}, {"AppContact", nil}, {"AppComments", nil}, {"AppModifyPath", nil},
	{"CreateUninstallRegKey", []int{5, 3, 8}}, {"Uninstallable", []int{5, 3, 10}}, {"CloseApplicationsFilter", []int{5, 5}}, {"SetupMutex", []int{5, 5, 6}},
	{"ChangesEnvironment", []int{5, 6, 1}}, {"ChangesAssociations", []int{5, 6, 1}}, {"ArchitecturesAllowed", []int{6, 3}}, {"ArchitecturesInstallIn64BitMode", []int{6, 3}},
	{"CloseApplicationsFilterExcludes", []int{6, 4, 2}}, {"SevenZipLibraryName", []int{6, 5}}, {"UsePreviousAppDir", []int{6, 7}}, {"UsePreviousGroup", []int{6, 7}},
	{"UsePreviousSetupType", []int{6, 7}}, {"UsePreviousTasks", []int{6, 7}}, {"UsePreviousUserInfo", []int{6, 7}},
}

// looksBytes is how much of the header says what the installer looks like.
func (v version) looksBytes() int {
	n := 0
	if v.before(6, 4, 0, 1) {
		n += 2 * number // colours
	}
	if v.before(5, 5, 7) {
		n += number // the colour behind the picture
	} else {
		n++ // whether the picture is transparent
	}
	if v.from(6) {
		n += 1 + 2*number // style, and sizes; from 6.6 on sizes, and whether it is dark
	}
	if v.from(6, 5, 2) {
		n += 2 * number // the colours behind pictures
	}
	if v.from(6, 6) {
		n += 2 * number
	}
	if v.from(6, 6, 1) {
		n++
	}
	if v.from(6, 7) {
		n += 2*number + 2
	}
	return n
}

// optionBytes is the size of the header's options.
func (v version) optionBytes() int {
	switch {
	case v.from(6, 7):
		return 8
	case v.from(6, 3) && v.before(6, 4):
		return 7
	}
	return 6
}
