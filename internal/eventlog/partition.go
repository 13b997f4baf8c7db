package eventlog

// The constants of 32-bit FNV-1a (RFC 9923).
const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

// PartitionFor returns which of n partitions takes records with this key: the 32-bit FNV-1a of the key as a signed number,
// modulo n, without its sign. That is what the hash partitioner of sarama does, with which the reference's dispatcher
// writes, so that both agree where a key lies. Records without a key go to partition 0. n must be at least 1.
func PartitionFor(key []byte, n int32) int32 {
	if len(key) == 0 {
		return 0
	}
	hash := uint32(fnvOffset)
	for _, b := range key {
		hash = (hash ^ uint32(b)) * fnvPrime
	}
	p := int32(hash) % n // the remainder first: the smallest int32 has no positive twin
	if p < 0 {
		p = -p
	}
	return p
}

// PartitionIn returns which of n partitions takes the record.
func (r *Record) PartitionIn(n int32) int32 {
	if len(r.PartitionKey) > 0 {
		return PartitionFor(r.PartitionKey, n)
	}
	return PartitionFor(r.Key, n)
}
