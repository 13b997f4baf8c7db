package inspect

import (
	"bytes"
	"encoding/hex"
)

func source(content []byte) Source { return ReaderAt(bytes.NewReader(content), int64(len(content))) }

func hexOf(b []byte) string { return hex.EncodeToString(b) }
