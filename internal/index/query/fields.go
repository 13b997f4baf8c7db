package query

import (
	"slices"
	"strings"
)

// fields are all that may be searched, sorted by name. Names are those of the reference's model.
var fields = slices.SortedFunc(slices.Values(slices.Concat(ofDocuments, ofFiles, ofStreams, ofParents, ofFeatures, ofTags)),
	func(a, b *Field) int { return strings.Compare(a.Name, b.Name) })

var ofDocuments = []*Field{
	{Name: "action", Doc: "how the document came to be: sourced, extracted, augmented, mapped or enriched"},
	{Name: "author.category", Doc: "what kind of author made the document: plugin or user"},
	{Name: "author.name", Doc: "the plugin or user that made the document"},
	{Name: "author.version", Doc: "the version of the plugin"},
	{Name: "depth", Type: Integer, Doc: "how many extractions the file is away from what was submitted; 0 for that itself"},
	{Name: "num_feature_names", Type: Integer, Doc: "how many different features the document has"},
	{Name: "num_feature_values", Type: Integer, Doc: "how many values of features the document has"},
	{Name: "sha256_author_action", Doc: "the file's SHA-256, the author's category and name and the action, joined by dots"},
	{Name: "source.encoded_references.key", Doc: "the name of a reference that was given at submission"},
	{Name: "source.encoded_references.key_value", Doc: "a reference, its name and value joined by a dot: user.alice"},
	{Name: "source.encoded_references.value", Doc: "the value of a reference"},
	{Name: "source.encoded_settings.key", Doc: "the name of a setting that was given at submission"},
	{Name: "source.encoded_settings.value", Doc: "the value of a setting"},
	{Name: "source.name", Doc: "the source into which the file, or what it was extracted from, was submitted"},
	{Name: "source.timestamp", Type: Time, Doc: "when the file, or what it was extracted from, was submitted"},
	{Name: "timestamp", Type: Time, Doc: "when the document was made"},
	{Name: "track_author", Doc: "the key of the author that made the document"},
	{Name: "track_link", Doc: "the key of the link between the file and its parent"},
	{Name: "track_source_references", Doc: "the key of the submission's source and references"},
	{Name: "track_source_references_grouped", Doc: "the key of the source and those references that have priority"},
	{Name: "uniq_data", Doc: "the digest of the document's streams"},
	{Name: "uniq_features", Doc: "the digest of the document's features"},
	{Name: "uniq_info", Doc: "the digest of the document's report"},
	{Name: "encoded_security.exclusive", Hidden: true, Doc: "an exclusive label of the document"},
	{Name: "encoded_security.inclusive", Hidden: true, Doc: "an inclusive label of the document"},
	{Name: "encoded_security.markings", Hidden: true, Doc: "a marking of the document"},
	{Name: "encoded_security.num_exclusive", Type: Integer, Hidden: true, Doc: "how many exclusive labels the document has"},
}

var ofFiles = []*Field{
	{Name: "file_extension", Doc: "the usual extension of files of this format, without the dot"},
	{Name: "file_format", Doc: "the file's format: executable/windows/pe32"},
	{Name: "filename", Doc: "a name that the file was seen under"},
	{Name: "magic", Doc: "the description that file(1) gives"},
	{Name: "md5", Type: Hash, Digits: 32, Doc: "the MD5 of the file"},
	{Name: "mime", Doc: "the MIME type of the file"},
	{Name: "sha1", Type: Hash, Digits: 40, Doc: "the SHA-1 of the file"},
	{Name: "sha256", Type: Hash, Digits: 64, Doc: "the SHA-256 of the file"},
	{Name: "sha512", Type: Hash, Digits: 128, Doc: "the SHA-512 of the file"},
	{Name: "size", Type: Size, Doc: "the size of the file in bytes"},
	{Name: "ssdeep", Doc: "the ssdeep hash of the file, whole"},
	{Name: "tlsh", Doc: "the TLSH hash of the file, whole"},
}

var ofStreams = []*Field{
	{Name: "datastreams.file_extension", Doc: "the usual extension of a stream"},
	{Name: "datastreams.file_format", Doc: "the format of a stream"},
	{Name: "datastreams.identify_version", Type: Integer, Doc: "the version of the rules that told a stream's format"},
	{Name: "datastreams.label", Doc: "what a stream is for: content, text, report, screenshot, …"},
	{Name: "datastreams.language", Doc: "the language of a stream"},
	{Name: "datastreams.magic", Doc: "the description that file(1) gives of a stream"},
	{Name: "datastreams.md5", Type: Hash, Digits: 32, Doc: "the MD5 of a stream"},
	{Name: "datastreams.mime", Doc: "the MIME type of a stream"},
	{Name: "datastreams.sha1", Type: Hash, Digits: 40, Doc: "the SHA-1 of a stream"},
	{Name: "datastreams.sha256", Type: Hash, Digits: 64, Doc: "the SHA-256 of a stream"},
	{Name: "datastreams.sha512", Type: Hash, Digits: 128, Doc: "the SHA-512 of a stream"},
	{Name: "datastreams.size", Type: Size, Doc: "the size of a stream in bytes"},
	{Name: "datastreams.ssdeep", Doc: "the ssdeep hash of a stream, whole"},
	{Name: "datastreams.tlsh", Doc: "the TLSH hash of a stream, whole"},
}

var ofParents = []*Field{
	{Name: "parent.action", Doc: "how the parent came to be"},
	{Name: "parent.author.category", Doc: "what kind of author made the parent's document"},
	{Name: "parent.author.name", Doc: "the plugin or user that made the parent's document"},
	{Name: "parent.author.version", Doc: "the version of that plugin"},
	{Name: "parent.encoded.sha256_author_action", Doc: "the parent's SHA-256, author and action, joined by dots"},
	{Name: "parent.file_format", Doc: "the format of the parent"},
	{Name: "parent.filename", Doc: "the name of the parent"},
	{Name: "parent.language", Doc: "the language of the parent"},
	{Name: "parent.relationship.action", Doc: "the parent's own relationship to what it came from: what was done"},
	{Name: "parent.relationship.label", Doc: "the same: its label"},
	{Name: "parent.sha256", Type: Hash, Digits: 64, Doc: "the SHA-256 of the file that this one came from"},
	{Name: "parent.size", Type: Size, Doc: "the size of the parent in bytes"},
	{Name: "parent.timestamp", Type: Time, Doc: "when the parent's document was made"},
	{Name: "parent_relationship.action", Doc: "what was done to the parent to get this file"},
	{Name: "parent_relationship.label", Doc: "what the relationship to the parent is called"},
	{Name: "parent_track_author", Doc: "the key of the author that made the parent's document"},
}

var ofFeatures = []*Field{
	{Name: "features.encoded.location", Type: Integer, Scope: Feature, Doc: "bytes of the file where the value was found; a range finds what touches it"},
	{Name: "features.enriched.binary_string", Scope: Feature, Doc: "the text of a value of type binary"},
	{Name: "features.enriched.datetime", Type: Time, Scope: Feature, Doc: "a value of type datetime"},
	{Name: "features.enriched.filepath", Scope: Feature, Doc: "a path, with / between its parts, of a value of type filepath or uri"},
	{Name: "features.enriched.filepath.tree", Scope: Feature, Doc: "a folder that a path begins with: C:/Users finds all that lies below"},
	{Name: "features.enriched.filepath.tree_reversed", Scope: Feature, Doc: "the parts that a path ends with: bin/run.exe finds it below any folder"},
	{Name: "features.enriched.float", Type: Float, Scope: Feature, Doc: "a value of type float"},
	{Name: "features.enriched.fragment", Scope: Feature, Doc: "what follows # in a URI"},
	{Name: "features.enriched.hostname", Scope: Feature, Doc: "the host of a URI"},
	{Name: "features.enriched.integer", Type: Integer, Scope: Feature, Doc: "a value of type integer"},
	{Name: "features.enriched.ip", Type: Address, Scope: Feature, Doc: "the host of a URI that is an address"},
	{Name: "features.enriched.netloc", Scope: Feature, Doc: "host, port and credentials of a URI, as written"},
	{Name: "features.enriched.params", Scope: Feature, Doc: "what follows ; in the last part of a URI's path"},
	{Name: "features.enriched.password", Scope: Feature, Doc: "the password in a URI"},
	{Name: "features.enriched.port", Type: Integer, Scope: Feature, Doc: "the port of a URI"},
	{Name: "features.enriched.query", Scope: Feature, Doc: "what follows ? in a URI"},
	{Name: "features.enriched.scheme", Scope: Feature, Doc: "the scheme of a URI"},
	{Name: "features.enriched.username", Scope: Feature, Doc: "the user in a URI"},
	{Name: "features.label", Scope: Feature, Doc: "a label of a value"},
	{Name: "features.name", Scope: Feature, Doc: "the name of a feature"},
	{Name: "features.offset", Type: Size, Scope: Feature, Doc: "where in the file the value was found, in bytes"},
	{Name: "features.size", Type: Size, Scope: Feature, Doc: "how many bytes of the file the value covers"},
	{Name: "features.type", Scope: Feature, Doc: "the type of a value: integer, float, string, binary, datetime, filepath or uri"},
	{Name: "features.value", Scope: Feature, Doc: "the value of a feature, as text"},
}

var ofTags = []*Field{
	{Name: "binary.tag", Scope: File, Doc: "a tag that somebody gave the file"},
	{Name: "feature.tag", Scope: Feature, Doc: "a tag that somebody gave a value of a feature of the file"},
}
