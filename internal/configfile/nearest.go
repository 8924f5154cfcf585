package configfile

import (
	"slices"
	"strings"
	"unicode"
)

// Nearest gives the one of keys that is most like name; "" if none is like it. Case,
// underscores and dashes do not count, and the order of the words may differ
// ("enableAppInsights" is like "appInsightsEnabled").
func Nearest(name string, keys []string) string {
	const longest = 80
	if len(name) > longest {
		return ""
	}
	plain := simplified(name)
	best, bestDistance := "", 0
	for _, key := range keys {
		other := simplified(key)
		if plain == "" || other == "" {
			continue
		}
		d := distance(plain, other)
		if d != 0 && slices.Equal(words(name), words(key)) {
			d = 1
		}
		limit := min(len(plain), len(other)) / 4
		if limit == 0 && len(plain) > 2 && plain[0] == other[0] {
			limit = 1 // "nme" is like "name", "gpu" is not like "cpu"
		}
		if d > limit && d > 0 {
			continue
		}
		if best == "" || d < bestDistance {
			best, bestDistance = key, d
		}
	}
	return best
}

// simplified is a key in lower case without what stands between words.
func simplified(key string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(key))
}

// words are the words of a key in lower case, sorted, without the ends of "enabled" and
// of plurals.
func words(key string) []string {
	var all []string
	word := ""
	flush := func() {
		if word != "" {
			all = append(all, strings.TrimRight(word, "ds"))
		}
		word = ""
	}
	for _, r := range key {
		switch {
		case strings.ContainsRune("_- .", r):
			flush()
		case unicode.IsUpper(r):
			flush()
			fallthrough
		default:
			word += string(unicode.ToLower(r))
		}
	}
	flush()
	slices.Sort(all)
	return all
}

// distance counts the letters to change, add, take away or swap with their neighbour to
// make b of a.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row := make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
}
