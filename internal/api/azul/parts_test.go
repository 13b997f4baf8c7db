package azul

import (
	"encoding/json"
	"testing"
)

func TestParts(t *testing.T) {
	for _, c := range []struct{ kind, value, want string }{
		{"string", "x", `null`},
		{"integer", "-42", `{"integer":"-42"}`},
		{"float", "1.50", `{"float":"1.50"}`},
		{"datetime", "2020-01-02T03:04:05+00:00", `{"datetime":"2020-01-02T03:04:05+00:00"}`},
		{"binary", "aGVsbG8=", `{"binary_string":"hello"}`},
		{"binary", "/////w==", `null`},
		{"filepath", `C:\Users\a b\evil.exe`, `{"filepath":"C:/Users/a b/evil.exe","filepath_unix":["C:","C:/Users","C:/Users/a b","C:/Users/a b/evil.exe"],
			"filepath_unixr":["evil.exe","a b/evil.exe","Users/a b/evil.exe","C:/Users/a b/evil.exe"]}`},
		{"filepath", "/a/b/c/d/e/f", `{"filepath":"/a/b/c/d/e/f","filepath_unix":["/a","/a/b","/a/b/c","/a/b/c/d","/a/b/c/d/e"],
			"filepath_unixr":["f","e/f","d/e/f","c/d/e/f","b/c/d/e/f"]}`},
		{"uri", "http://bob:pw@10.0.0.1:8080/x/y;p?q=1#f", `{"scheme":"http","netloc":"bob:pw@10.0.0.1:8080","username":"bob","password":"pw","hostname":"10.0.0.1","ip":"10.0.0.1",
			"port":8080,"params":"p","filepath":"/x/y","query":"q=1","fragment":"f","filepath_unix":["/x","/x/y"],"filepath_unixr":["y","x/y"]}`},
	} {
		got, err := json.Marshal(partsOf(c.kind, c.value))
		if err != nil {
			t.Fatal(err)
		}
		want(t, c.kind+" "+c.value, string(got), c.want)
	}
}
