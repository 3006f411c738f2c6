package sheet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/sheet"
)

func TestNoTextIsAFormulaAndEveryTextComesBack(t *testing.T) {
	t.Parallel()
	for text, cell := range map[string]string{
		"": "", "Telkomsel": "Telkomsel", "=1+1": "'=1+1", "+62": "'+62", "-5": "'-5", "@a": "'@a", "\t=": "'\t=", "\r": "'\r", "'quoted'": "'quoted'", "'": "'",
	} {
		require.Equal(t, cell, sheet.Text(text))
		require.Equal(t, text, sheet.Plain(cell))
	}
}
