package azuremltest

import (
	"encoding/hex"
	"strings"
)

// equalFold compares names as Azure does.
func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

// bytes returns n pseudo-random bytes. Every server gives the same sequence,
// so that a program which makes the same calls sees the same ids. It is no
// source of secrets.
func (s *Server) bytes(n int) []byte {
	b := make([]byte, n)
	s.randMu.Lock()
	defer s.randMu.Unlock()
	s.random.Read(b)
	return b
}

// hex returns n pseudo-random bytes as hexadecimal digits.
func (s *Server) hex(n int) string { return hex.EncodeToString(s.bytes(n)) }

// guid returns a pseudo-random GUID.
func (s *Server) guid() string {
	b := s.bytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// isGUID reports whether text has the form of a GUID.
func isGUID(text string) bool {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return false
	}
	_, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	return err == nil
}
