package model

// InBlocksOf makes uploads go in blocks of n bytes.
func InBlocksOf(n int64, o RegisterOptions) *RegisterOptions {
	o.blockSize = n
	return &o
}

// ParseCheckpoint reads a checkpoint file's content, and says what its upload's files are.
func ParseCheckpoint(data []byte) ([]string, error) {
	s, err := parseCheckpoint(data)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, f := range s.Files {
		paths = append(paths, f.Path)
	}
	return paths, nil
}
