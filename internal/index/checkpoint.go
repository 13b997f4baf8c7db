package index

import (
	"context"
	"encoding/binary"
	"os"
)

// The write-ahead log is written back to the file beside the batches: as a part of one it took a quarter of the time of ingest, nearly all of it waiting
// for the disk.
const (
	checkpointBytes = 64 << 20            // of the log, from which on it is written back: what many batches change is written once
	checkpointAgain = checkpointBytes / 4 // more than it had, if somebody was reading what cannot be overwritten then
	pageBytes       = 4096
	checkpointPages = 64 << 10 // 256 MiB, from which on a batch does it, because the disk is slower than what comes
)

// checkpointer writes the log back whenever it has become long, until ctx ends. What fails is tried again after the next batch.
func (s *SQLite) checkpointer(ctx context.Context) {
	defer close(s.checkpointerEnded)
	limit := int64(checkpointBytes)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.committed:
		}
		size := s.logBytes()
		if size < limit {
			continue
		}
		limit = checkpointBytes
		if !s.checkpoint(ctx) {
			limit = size + checkpointAgain
		}
	}
}

// logBytes tells how much of the log's file is in use: its last frame is in the header of the index of the log (sqlite.org/walformat.html#the_wal_index_header). 0 if that
// cannot be read.
func (s *SQLite) logBytes() int64 {
	file, err := os.Open(s.path + "-shm")
	if err != nil {
		return 0
	}
	defer file.Close()
	var last [4]byte
	if _, err := file.ReadAt(last[:], 16); err != nil {
		return 0
	}
	return int64(binary.NativeEndian.Uint32(last[:])) * pageBytes
}

// checkpoint writes most of the log back while batches go on, the rest between two of them, and tells whether the next batch begins the log anew, unless
// somebody reads it. The file is not cut: what makes a file longer waits for the disk, what is written over does not.
func (s *SQLite) checkpoint(ctx context.Context) bool {
	var busy, frames, done int64
	again := func() error {
		return s.backWriter.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &frames, &done)
	}
	if err := again(); err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return again() == nil && done == frames
}
