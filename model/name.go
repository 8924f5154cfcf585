package model

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/azureml-go/azureml/internal/validate"
)

var (
	namePattern    = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}$`)
	servicePattern = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
)

const (
	nameRule    = "must be 1 to 255 letters, digits, dashes, dots or underscores, and start with a letter or digit"
	serviceRule = "must be 3 to 32 lower-case letters, digits or dashes, start with a letter and end with a letter or digit"
)

func checkName(c *validate.Checker, name string) {
	c.Match("name", name, namePattern, nameRule)
}

// checkServiceName is the rule for web services, endpoints and their versions.
func checkServiceName(c *validate.Checker, name string) {
	if c.Match("name", name, servicePattern, serviceRule) && (len(name) < 3 || len(name) > 32) {
		c.Add("name", name, serviceRule)
	}
}

// splitID takes "name:version" apart; ok is false for everything else.
func splitID(id string) (name string, version int64, ok bool) {
	name, text, found := strings.Cut(id, ":")
	if !found || !namePattern.MatchString(name) || text == "" || text[0] == '+' || text[0] == '0' {
		return "", 0, false
	}
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || version <= 0 {
		return "", 0, false
	}
	return name, version, true
}
