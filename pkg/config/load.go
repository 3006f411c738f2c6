package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// maxFile bounds the file, and each secret's file, in bytes.
const maxFile = 1 << 20

// Source is where values come from besides the file.
type Source struct {
	Env      func(name string) (string, bool)
	ReadFile func(name string) ([]byte, error)
}

// System is the process's own environment and files.
func System() Source { return Source{Env: os.LookupEnv, ReadFile: os.ReadFile} }

// Load reads the file at path. An empty path means that the environment says everything.
func Load(path string) (*Config, error) {
	var data []byte
	if path != "" {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
	}
	return Parse(data, System())
}

// Parse decodes data, overrides it from src, fills in the defaults and validates. The error joins one error for each thing
// that is wrong, and no secret is in any of them.
func Parse(data []byte, src Source) (*Config, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("config: the file is larger than %d bytes", maxFile)
	}
	c := &Config{src: src}
	d := decoder{env: src.Env}
	d.document(data, c)
	d.overrides(c)
	d.secretFile(src, "database.url", &c.Database.URL, c.Database.URLFile)
	d.secretFile(src, "redis.url", &c.Redis.URL, c.Redis.URLFile)
	d.secretFile(src, "secrets.encryption_key", &c.Secrets.EncryptionKey, c.Secrets.EncryptionKeyFile)
	d.textFile(src, "deposits.static_qris.payload", &c.Deposits.StaticQRIS.Payload, c.Deposits.StaticQRIS.PayloadFile)
	c.defaults()
	c.validate(&d.errs)
	if len(d.errs) > 0 {
		return nil, errors.Join(d.errs...)
	}
	return c, nil
}

// errorList collects what is wrong, each with its path.
type errorList []error

func (l *errorList) add(path, format string, args ...any) {
	*l = append(*l, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
}

func (d *decoder) secretFile(src Source, path string, into *Secret, file string) {
	if file == "" {
		return
	}
	if *into != "" {
		d.errs.add(path, "given twice, here and as %s_file", path)
		return
	}
	value, problem := readSecret(src, file)
	if problem != "" {
		d.errs.add(path+"_file", "%s", problem)
		return
	}
	*into = value
}

func readSecret(src Source, file string) (_ Secret, problem string) {
	data, err := src.ReadFile(file)
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &pathErr):
		return "", fmt.Sprintf("cannot read %s: %v", file, pathErr.Err)
	case err != nil:
		return "", fmt.Sprintf("cannot read %s", file)
	case len(data) > maxFile:
		return "", fmt.Sprintf("%s is larger than %d bytes", file, maxFile)
	}
	value := strings.TrimRight(string(data), "\r\n")
	if value == "" {
		return "", file + " is empty"
	}
	return Secret(value), ""
}

// Need is what a role cannot do without.
type Need uint

// What a role may need.
const (
	NeedDatabase Need = 1 << iota
	NeedRedis
	NeedKey
)

// Require tells, all at once, what of needs is not configured.
func (c *Config) Require(needs Need) error {
	var errs errorList
	if needs&NeedDatabase != 0 && c.Database.URL == "" {
		errs.add("database.url", "required (or MUARA_DATABASE_URL)")
	}
	if needs&NeedRedis != 0 && c.Redis.URL == "" {
		errs.add("redis.url", "required (or MUARA_REDIS_URL)")
	}
	if needs&NeedKey != 0 && c.Secrets.EncryptionKey == "" {
		errs.add("secrets.encryption_key", "required (or secrets.encryption_key_file): 32 random bytes as base64 or hex")
	}
	return errors.Join(errs...)
}

// Upstream gives the upstream of that name with its credentials in hand: ${NAME} replaced and files read.
func (c *Config) Upstream(name string) (Upstream, error) {
	for i, u := range c.Upstreams {
		if u.Name == name {
			return c.resolve(i)
		}
	}
	names := make([]string, 0, len(c.Upstreams))
	for _, u := range c.Upstreams {
		names = append(names, u.Name)
	}
	if len(names) == 0 {
		return Upstream{}, fmt.Errorf("upstreams: none is configured, so none is called %q", name)
	}
	return Upstream{}, fmt.Errorf("upstreams: none is called %q (there are %s)", name, strings.Join(names, ", "))
}

func (c *Config) resolve(i int) (Upstream, error) {
	u := c.Upstreams[i]
	d := decoder{env: c.src.Env}
	credentials := make(map[string]Secret, len(u.Credentials))
	for _, key := range sortedKeys(u.Credentials) {
		path := fmt.Sprintf("upstreams[%d].credentials.%s", i, key)
		value := d.expand(path, u.Credentials[key].Reveal())
		plain, isFile := strings.CutSuffix(key, "_file")
		if !isFile {
			credentials[key] = Secret(value)
			continue
		}
		secret, problem := readSecret(c.src, value)
		if problem != "" {
			d.errs.add(path, "%s", problem)
		}
		credentials[plain] = secret
	}
	if len(d.errs) > 0 {
		return Upstream{}, errors.Join(d.errs...)
	}
	u.Credentials = credentials
	return u, nil
}

// CheckUpstreams resolves every upstream, for `muara config check`.
func (c *Config) CheckUpstreams() error {
	var errs []error
	for i := range c.Upstreams {
		if _, err := c.resolve(i); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Location is the brand's time zone.
func (b Brand) Location() *time.Location {
	loc, err := time.LoadLocation(b.Timezone)
	if err != nil {
		// Parse has refused such a name; a Brand made by hand without one gets the default's offset.
		return time.FixedZone("WIB", 7*60*60)
	}
	return loc
}
