package edit

import "io"

// Read decodes a table and gives how many lines it has and what is wrong with it.
func Read(r io.Reader) (lines int, problems []Problem) {
	p := &Problems{}
	out, _ := read(r, p)
	return len(out), p.List
}
