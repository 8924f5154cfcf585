package webservice

import "math/rand/v2"

// hash is FNV-1a with its bits mixed at the end, from a seed. It is the same in all
// processes: where a caller's key lies must not change with a new version of the program.
func hash(seed uint64, text string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset) ^ seed
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * prime
	}
	// The last step of splitmix64: FNV alone puts similar keys beside each other.
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// place is where a key lies, from 0 to below 100; an empty one anywhere.
func (s *Splitter) place(key string) float64 {
	if key == "" {
		return 100 * rand.Float64() //nolint:gosec // no secret depends on it
	}
	const bits = 53
	return 100 * (float64(hash(s.salt, key)>>(64-bits)) / (1 << bits))
}
