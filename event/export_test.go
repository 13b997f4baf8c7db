package event

// Unmarshal is the decoder behind Decode, before anything is checked or made normal.
var Unmarshal = unmarshal
