package blob

import (
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"encoding/base64"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// sending is what has become of a blob's blocks.
type sending struct {
	target *target
	// staged are blocks of an earlier call that may be used.
	staged  map[string]int64
	ids     []string
	kept    int64
	differs bool
}

// sendBlocks sends first and all that follows as blocks, as many at once as there are
// buffers. Blocks that storage has from an earlier call are read, but not sent.
func (u *Uploader) sendBlocks(ctx context.Context, t *target, in *source, first []byte) (*sending, error) {
	s := &sending{target: t}
	if t.up.Resume {
		staged, err := t.staged(ctx)
		if err != nil {
			u.give(first)
			return nil, err
		}
		s.staged = staged
	}
	group, ctx := errgroup.WithContext(ctx)
	failed := s.each(ctx, in, first, func(number int, id string, block []byte, sum [md5.Size]byte) {
		group.Go(func() error {
			defer u.give(block)
			if err := t.stage(ctx, id, block, sum); err != nil {
				return err
			}
			t.got(number, id)
			return nil
		})
	})
	// A block that failed ends the context, by which reading stops, too: the block's
	// error is the one that says why.
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return s, failed
}

// each reads block after block, beginning with the one that has been read, and hands
// on those that storage does not have.
func (s *sending) each(ctx context.Context, in *source, block []byte, send func(int, string, []byte, [md5.Size]byte)) error {
	u := s.target.uploader
	for {
		number := len(s.ids)
		sum := in.hashed(block)
		id := blockID(number, sum)
		s.ids = append(s.ids, id)
		if s.has(number, id, len(block)) {
			s.kept += int64(len(block))
			s.target.progress.add(int64(len(block)))
			s.target.got(number, id)
			u.give(block)
		} else {
			send(number, id, block, sum)
		}
		if in.ended() {
			return nil
		}
		if number+1 == MaxBlocks {
			return fmt.Errorf("it is larger than %d blocks", MaxBlocks)
		}
		size := u.sizeOf(number+1, s.target.up.Size)
		buffer, err := u.take(ctx, size, size)
		if err != nil {
			return err
		}
		if block, err = in.fill(ctx, buffer); err != nil {
			u.give(buffer)
			return err
		}
	}
}

// has tells whether storage has a block of the content from an earlier call.
func (s *sending) has(number int, id string, size int) bool {
	if earlier := s.target.up.Earlier; number < len(earlier) && earlier[number] != "" && earlier[number] != id {
		s.differs, s.staged = true, nil
	}
	there, ok := s.staged[id]
	return ok && there == int64(size)
}

// got tells that storage has a block.
func (t *target) got(number int, id string) {
	if t.up.Staged != nil {
		t.up.Staged(number, id)
	}
}

// blockID names a block by its number and hash. All ids of a blob have the same length,
// as storage demands.
func blockID(number int, sum [md5.Size]byte) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%05d-%x", number, sum))
}
