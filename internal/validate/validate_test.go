package validate

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func TestAllViolationsAtOnce(t *testing.T) {
	t.Parallel()
	var c Checker
	minus := -1.5
	three := 3
	c.Require("Name", "  ")
	c.Match("Label", "Ab\n", regexp.MustCompile(`^[a-z]+$`), "must be lower-case letters")
	c.Match("Partial", "abc1", regexp.MustCompile(`[a-z]+`), "must match wholly")
	Positive(&c, "Cores", -2)
	PositivePtr(&c, "Memory", &minus)
	NotNegativePtr(&c, "GPU", &minus)
	Between(&c, "Traffic", &three, 0, 2)
	OneOf(&c, "Kind", "x", "a", "b")
	NotLess(&c, "Limit", 1, "Cores", 2)
	c.Add("Key", azureml.NewSecret("PLANTED"), "is too short")
	c.In("Probe", func(c *Checker) { Positive(c, "Period", -1) })
	c.Add("Long", strings.Repeat("ä", 100), "is too long")
	err := c.Err("deploy", `web service "s"`)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	e, _ := errors.AsType[*azureml.Error](err)
	var lines []string
	for _, v := range e.Violations {
		lines = append(lines, v.String())
	}
	assert.Equal(t, []string{
		"Name is required",
		`Label ("Ab\n") must be lower-case letters`,
		`Partial ("abc1") must match wholly`,
		"Cores (-2) must be > 0",
		"Memory (-1.5) must be > 0",
		"GPU (-1.5) must be >= 0",
		"Traffic (3) must be from 0 to 2",
		`Kind ("x") must be one of "a", "b"`,
		"Limit (1) must be >= Cores (2)",
		"Key (7 bytes) is too short",
		"Probe.Period (-1) must be > 0",
		`Long ("` + strings.Repeat("ä", 39) + `…) is too long`,
	}, lines)
	assert.NotContains(t, err.Error(), "PLANTED")
}

func TestNothingToSay(t *testing.T) {
	t.Parallel()
	var c Checker
	assert.True(t, c.Require("Name", "x"))
	assert.True(t, c.Match("Label", "ab", regexp.MustCompile(`^[a-z]+$`), ""))
	Positive(&c, "Cores", 0)
	Positive(&c, "Cores", 0.1)
	PositivePtr[int](&c, "Memory", nil)
	NotNegativePtr[int](&c, "GPU", new(int))
	Between[int](&c, "Traffic", nil, 0, 2)
	OneOf(&c, "Kind", "", "a")
	NotLess(&c, "Limit", 0, "Cores", 2)
	assert.NoError(t, c.Err("deploy", "it"))
	assert.Empty(t, c.Violations())
}

// TestNumbersThatJSONCannotSay are refused before anything is sent.
func TestNumbersThatJSONCannotSay(t *testing.T) {
	t.Parallel()
	for _, number := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		var c Checker
		Positive(&c, "a", number)
		PositivePtr(&c, "b", &number)
		Between(&c, "c", &number, 0, 100)
		assert.Len(t, c.Violations(), 3, "%v", number)
	}
}
