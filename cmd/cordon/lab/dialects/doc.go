// Package dialects shows what a dialect sends, needs and is known to get wrong:
// what runs behind "cordon dialect", "cordon coa render" and "cordon bng snippet".
// Nothing is sent.
package dialects
