package blob

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// s3Location is what a location such as s3://samples/lazuli?endpoint=https://s3.example.org tells.
type s3Location struct {
	bucket, prefix string
	endpoint       *url.URL // nil for Amazon's
	region         string   // "" where the server is asked for it
	profile        string   // of the credentials file
}

const s3Scheme = "s3://"

// bucketName are the names that Amazon S3 accepts, and no others, so that they are no path either.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// parseS3 reads a location. What it does not say comes from the variables that Amazon's own tools read.
func parseS3(location string) (l s3Location, err error) {
	u, err := url.Parse(location)
	if err != nil {
		return l, fmt.Errorf("%q is not a location of a store: %w", location, err)
	}
	if u.User != nil {
		return l, errors.New("a location must not hold credentials, which would be shown to everybody: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
	}
	l.bucket = u.Host
	if !bucketName.MatchString(l.bucket) {
		return l, fmt.Errorf("%q is not a bucket's name (%s): write s3://BUCKET or s3://BUCKET/PREFIX", l.bucket, location)
	}
	if l.prefix = strings.Trim(u.Path, "/"); l.prefix != "" {
		for part := range strings.SplitSeq(l.prefix, "/") {
			if !validName(part) {
				return l, fmt.Errorf("%q in the prefix of %s must be 1 to 64 letters, digits, dots, dashes or underscores", part, location)
			}
		}
		l.prefix += "/"
	}
	query := u.Query()
	for name := range query {
		if !slices.Contains([]string{"endpoint", "region", "profile"}, name) {
			return l, fmt.Errorf("%s: what is %q? A location may have endpoint, region and profile", location, name)
		}
	}
	l.profile = query.Get("profile")
	l.region = firstOf(query.Get("region"), os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	endpoint := firstOf(query.Get("endpoint"), os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"))
	if endpoint == "" {
		return l, nil
	}
	l.endpoint, err = url.Parse(endpoint)
	if err != nil || l.endpoint.Host == "" || l.endpoint.User != nil || strings.Trim(l.endpoint.Path, "/") != "" ||
		l.endpoint.Scheme != "http" && l.endpoint.Scheme != "https" {
		return l, fmt.Errorf("the endpoint %q must be a URL such as https://s3.example.org:9000", endpoint)
	}
	if l.region == "" {
		l.region = "us-east-1" // what servers other than Amazon's take where they have no regions
	}
	return l, nil
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// credentials looks where Amazon's own tools do: in the environment, in ~/.aws/credentials, and, for Amazon's own endpoint
// or where the environment names a role, in the machine's metadata.
func (l s3Location) credentials() *credentials.Credentials {
	providers := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{Profile: l.profile}}
	if l.profile != "" {
		providers = providers[1:]
	}
	role := os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE") + os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") + os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if l.endpoint == nil || role != "" {
		providers = append(providers, &credentials.IAM{})
	}
	return credentials.NewChainCredentials(providers)
}

// openS3 opens the store in a bucket, and makes the bucket if it is missing.
func openS3(ctx context.Context, location string, opts Options) (_ *S3, err error) {
	l, err := parseS3(location)
	if err != nil {
		return nil, err
	}
	transport := newTransport()
	s := &S3{bucket: l.bucket, prefix: l.prefix, idle: transport.CloseIdleConnections}
	defer func() {
		if err != nil {
			transport.CloseIdleConnections()
		}
	}()
	var wrapped http.RoundTripper = transport
	if opts.watch != nil {
		wrapped = opts.watch(transport)
	}
	clientOpts := minio.Options{Creds: l.credentials(), Secure: true, Region: l.region, Transport: wrapped, MaxRetries: 1}
	host := "s3.amazonaws.com"
	if l.endpoint != nil {
		host, clientOpts.Secure = l.endpoint.Host, l.endpoint.Scheme == "https"
	}
	client, err := minio.New(host, &clientOpts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", location, err)
	}
	s.api = minio.Core{Client: client}
	clientOpts.MaxRetries = 0 // the library's own number
	if s.lister, err = minio.New(host, &clientOpts); err != nil {
		return nil, fmt.Errorf("%s: %w", location, err)
	}
	if keys, err := clientOpts.Creds.GetWithContext(client.CredContext()); err != nil || keys.AccessKeyID == "" {
		return nil, errors.New("there are no credentials for it: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or write them to ~/.aws/credentials")
	}
	if err := s.findBucket(ctx, l, opts.MustExist); err != nil {
		return nil, err
	}
	s.disk = osDisk{}
	if err := s.openScratch(opts.Scratch); err != nil {
		return nil, err
	}
	s.abortOrphans(ctx)
	return s, nil
}

func (s *S3) findBucket(ctx context.Context, l s3Location, mustExist bool) error {
	there, err := s.api.BucketExists(ctx, s.bucket)
	if err != nil {
		return s.trouble(ctx, "look for bucket "+s.bucket, Key{}, err)
	}
	if there {
		return nil
	}
	if mustExist {
		return fmt.Errorf("there is no bucket %s: %w", s.bucket, os.ErrNotExist)
	}
	err = s.api.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: l.region})
	if code := minio.ToErrorResponse(err).Code; code == "BucketAlreadyOwnedByYou" { // another instance was faster
		return nil
	}
	if err != nil {
		return s.trouble(ctx, "make bucket "+s.bucket, Key{}, err)
	}
	slog.Warn("the store's bucket did not exist and was made", "bucket", s.bucket)
	return nil
}

// openScratch makes the folder of temporary files: in dir, or in the system's own place for them.
func (s *S3) openScratch(dir string) (err error) {
	s.fault = diskFault(firstOf(dir, os.TempDir()))
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lazuli-uploads-"); err != nil {
			return s.fault("prepare for uploads", err)
		}
		idle := s.idle
		s.idle = func() { idle(); os.Remove(dir) }
	} else if err := os.MkdirAll(dir, dirMode); err != nil {
		return s.fault("prepare for uploads", err)
	}
	s.scratch, err = openScratch(filepath.Clean(dir))
	return s.fault("prepare for uploads", err)
}

// abortOrphans removes the parts of uploads whose process died. Uploads that are younger may still be under way elsewhere.
func (s *S3) abortOrphans(ctx context.Context) {
	for u := range s.api.ListIncompleteUploads(ctx, s.bucket, s.prefix, true) {
		if u.Err == nil && time.Since(u.Initiated) > orphanAge {
			u.Err = s.api.AbortMultipartUpload(ctx, s.bucket, u.Key, u.UploadID)
		}
		if u.Err != nil {
			slog.Warn("parts of an upload that was cut off stay in the bucket", "bucket", s.bucket, "object", u.Key, "err", u.Err)
		}
	}
}

// patience is how long a server may keep a connection waiting for the next byte.
const patience = time.Minute

func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return patientConn{conn}, nil
		},
		MaxIdleConns:        128,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     patience,
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		DisableCompression:  true, // the bytes as they are
	}
}

// patientConn gives up on a server that has stopped, however its connection looks: each byte must come within patience.
type patientConn struct{ net.Conn }

func (c patientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c patientConn) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil { // the answer is waited for since before
		return 0, err
	}
	return c.Conn.Write(p)
}

// trouble says what an error of the server or of the network means; nil stays nil.
func (s *S3) trouble(ctx context.Context, doing string, k Key, err error) error {
	if err == nil {
		return nil
	}
	if k != (Key{}) {
		doing += " " + k.String()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	meaning := meaningOf(err)
	if meaning == nil || errors.Is(err, meaning) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if meaning == ErrNotFound || meaning == ErrRange {
		return fmt.Errorf("%s: %w", doing, meaning)
	}
	return fmt.Errorf("%s: %w: %w", doing, meaning, err)
}

// meaningOf names the error of a Store that an error stands for, or returns nil.
func meaningOf(err error) error {
	var answer minio.ErrorResponse
	var certificate *tls.CertificateVerificationError
	var path *os.PathError
	switch {
	case errors.As(err, &answer):
	case errors.As(err, &certificate), errors.As(err, &path), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return nil
	default:
		return ErrAway // the network's: no answer came, or a part of one
	}
	switch answer.Code {
	case "NoSuchKey":
		return ErrNotFound
	case "InvalidRange":
		return ErrRange
	case "QuotaExceeded", "StorageFull", "XMinioStorageFull", "InsufficientStorage":
		return ErrFull
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled", "ExpiredToken", "InvalidToken",
		"XAdminUserNotFound": // Versity's, for an unknown access key
		return ErrDenied
	case "SlowDown", "SlowDownRead", "SlowDownWrite", "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded", "InternalError", "ServiceUnavailable":
		return ErrAway
	}
	switch code := answer.StatusCode; {
	case code == http.StatusRequestedRangeNotSatisfiable:
		return ErrRange
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return ErrDenied
	case code == http.StatusInsufficientStorage:
		return ErrFull
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		return ErrAway
	}
	return nil
}
