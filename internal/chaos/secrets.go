package chaos

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/azureml-go/azureml/azuremltest"
)

// shortest is how long a text must be to be looked for: shorter ones are found by chance.
const shortest = 8

// secrets are the texts that no output may hold, and the outputs.
type secrets struct {
	mu     sync.Mutex
	texts  map[string]string // what they are
	output strings.Builder
}

func newSecrets() *secrets {
	return &secrets{texts: map[string]string{azuremltest.ClientSecret: "the client secret"}}
}

func (s *secrets) add(text, what string) {
	if len(text) < shortest {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts[text] = what
}

// ofRequest notes the token or key of a request and the signature of its address.
func (s *secrets) ofRequest(req *http.Request) {
	if token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "); ok {
		s.add(token, "a token or key")
	}
	for _, pair := range strings.Split(req.URL.RawQuery, "&") {
		if value, ok := strings.CutPrefix(pair, "sig="); ok {
			s.add(value, "a signature")
		}
	}
}

// Write takes output: an error, a warning, a line of a log.
func (s *secrets) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.output.Write(text)
	s.output.WriteByte('\n')
	return len(text), nil
}

// shown takes a text that somebody may see.
func (s *secrets) shown(text string) { _, _ = io.WriteString(s, text) }

// leaks looks for the secrets in the output.
func (s *secrets) leaks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	output := s.output.String()
	var found []string
	for text, what := range s.texts {
		if at := strings.Index(output, text); at >= 0 {
			found = append(found, what+" after "+tail(output[:at]))
		}
	}
	return found
}

// tail is the end of a text.
func tail(text string) string {
	if len(text) > 200 {
		text = text[len(text)-200:]
	}
	return text
}
