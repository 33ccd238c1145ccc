package template

import (
	"context"
	"errors"
	"fmt"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// Bounds of what is read of one key.
const (
	mostElements = 64       // of a list or set
	mostValue    = 64 << 10 // octets of a string
)

// question is one key of a look-up, and the values it was made of.
type question struct {
	key   string
	asked map[string]string
}

// read reads several keys of one look-up at once and returns what they hold;
// complete is false if something there could not be read. Errors mean that Redis
// could not be asked.
func (r *Reader) read(ctx context.Context, l *lookup, questions []question) (items []item, complete bool, err error) {
	if len(questions) == 0 {
		return nil, true, nil
	}
	p := r.client.Pipeline()
	commands := make([]redis.Cmder, len(questions))
	for i, q := range questions {
		commands[i] = l.command(ctx, p, q.key)
	}
	_, _ = p.Exec(ctx) // each command carries its own error
	complete = true
	for i, q := range questions {
		err := commands[i].Err()
		switch {
		case errors.Is(err, errTooLong) && len(questions) > 1: // find out which it is
			found, whole, err := r.read(ctx, l, questions[i:i+1])
			if err != nil {
				return nil, false, err
			}
			items, complete = append(items, found...), complete && whole
		case errors.Is(err, errTooLong):
			r.doubts.note(TooLong, q.key)
			complete = false
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			r.doubts.note(WrongType, q.key)
			complete = false
		case err != nil && !errors.Is(err, redis.Nil):
			return nil, false, fmt.Errorf("read %.100q: %w", q.key, err)
		default:
			found, whole := r.items(l, q, commands[i])
			items, complete = append(items, found...), complete && whole
		}
	}
	return items, complete, nil
}

// command reads no more than is used: never a whole hash, never a whole list.
func (l *lookup) command(ctx context.Context, p redis.Pipeliner, key string) redis.Cmder {
	switch l.Type {
	case Hash:
		return p.HMGet(ctx, key, l.fields...)
	case List:
		return p.LRange(ctx, key, 0, mostElements)
	case Set:
		return p.SRandMemberN(ctx, key, mostElements+1)
	}
	return p.GetRange(ctx, key, 0, mostValue)
}

// items reads one reply; complete is false if something of it cannot be read.
func (r *Reader) items(l *lookup, q question, command redis.Cmder) (items []item, complete bool) {
	if c, ok := command.(*redis.SliceCmd); ok {
		field, there := fieldsOf(l, c.Val())
		if !there {
			return nil, true
		}
		values, attributes := l.fromFields(field)
		return r.accept(nil, q, values, attributes)
	}
	texts, complete := r.texts(q, command)
	for _, text := range texts {
		var readable bool
		items, readable = r.scan(items, l, q, text)
		complete = complete && readable
	}
	return items, complete
}

// texts returns the string, or the elements of the list or set; complete is false
// if there are more, or it is longer.
func (r *Reader) texts(q question, command redis.Cmder) (texts []string, complete bool) {
	switch c := command.(type) {
	case *redis.StringSliceCmd:
		if len(c.Val()) > mostElements {
			r.doubts.note(TooMany, q.key)
			return c.Val()[:mostElements], false
		}
		return c.Val(), true
	case *redis.StringCmd:
		switch text := c.Val(); {
		case text == "": // GETRANGE replies so for a key that does not exist
		case len(text) > mostValue:
			r.doubts.note(TooLong, q.key)
			return nil, false
		default:
			return []string{text}, true
		}
	}
	return nil, true
}

// scan reads one text: a string, an element, a JSON object.
func (r *Reader) scan(items []item, l *lookup, q question, text string) ([]item, bool) {
	if l.Type != JSON {
		if values, ok := l.value.match(text); ok {
			return r.accept(items, q, values, nil)
		}
	} else if field, ok := object(text); ok {
		values, attributes := l.fromFields(field)
		return r.accept(items, q, values, attributes)
	}
	r.doubts.note(Malformed, q.key)
	return items, false
}

// accept adds an item, or counts why it is distrusted.
func (r *Reader) accept(items []item, q question, values map[string]string, attributes []quarantine.Attribute) ([]item, bool) {
	t, reason, ok := newItem(q.key, q.asked, values, attributes)
	if !ok {
		r.doubts.note(reason, q.key)
		return items, false
	}
	return append(items, t), true
}

// fieldsOf pairs the answer to HMGET with the fields; false if none is there.
func fieldsOf(l *lookup, answer []any) (field func(string) (string, bool), there bool) {
	values := map[string]string{}
	for i, v := range answer {
		if text, ok := v.(string); ok && i < len(l.fields) {
			values[l.fields[i]] = text
		}
	}
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }, len(values) > 0
}
