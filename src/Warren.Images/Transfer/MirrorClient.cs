using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Threading;

namespace Warren.Images.Transfer;

/// <summary>
/// One HTTP conversation with a mirror: requests below its root, with every way they fail sorted into lasting and passing.
/// </summary>
internal sealed class MirrorClient : IDisposable
{
    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(10);

    private readonly HttpClient _http;
    private readonly Mirror _mirror;
    private readonly TimeSpan _silence;

    public MirrorClient(Mirror mirror, TimeSpan silence)
    {
        _mirror = mirror;
        _silence = silence;
        SocketsHttpHandler handler = new()
        {
            AutomaticDecompression = DecompressionMethods.None,
            MaxAutomaticRedirections = 5,
            ConnectTimeout = silence < s_connectTimeout ? silence : s_connectTimeout,
            UseProxy = !mirror.Direct,
            UseCookies = false,
        };
        if (mirror.Proxy != null)
            handler.Proxy = new WebProxy(mirror.Proxy) { Credentials = CredentialsOf(mirror.Proxy) };
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("warren", "0.1"));
        if (mirror.Credentials != null)
        {
            var token = Convert.ToBase64String(Encoding.UTF8.GetBytes(mirror.Credentials));
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", token);
        }
    }

    /// <summary>The mirror's host, for messages.</summary>
    public string Host => _mirror.Root.IsDefaultPort ? _mirror.Root.Host : _mirror.Root.Authority;

    /// <summary>Requests a file from byte <paramref name="from"/> on. The answer's status is a success, or 404, or 416.</summary>
    /// <exception cref="TransientException">Another try may do better.</exception>
    /// <exception cref="ImageException">Another try will not.</exception>
    public async Task<HttpResponseMessage> GetAsync(string path, long from, CancellationToken cancellation)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, new Uri(_mirror.Root, EscapePath(path)));
        if (from > 0)
            request.Headers.Range = new RangeHeaderValue(from, null);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_silence);
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TransientException(
                string.Create(CultureInfo.InvariantCulture, $"it gave no answer for {_silence.TotalSeconds:0.#} s"));
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            throw new ImageException(ImageError.Network,
                $"the mirror {Host} cannot be read: its TLS certificate or handshake is not accepted; see to the host's clock and "
                    + $"certificates, or name another mirror with --mirror", e);
        }
        catch (HttpRequestException e)
        {
            throw new TransientException(Describe(e), e);
        }

        if (response.IsSuccessStatusCode
            || response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone or HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return response;
        }
        var status = (int)response.StatusCode;
        response.Dispose();
        if (status is >= 500 or 408 or 425 or 429)
            throw new TransientException($"it answers with status {status}");
        throw new ImageException(ImageError.Network,
            $"the mirror {Host} refuses {path} with HTTP status {status}; try another mirror with --mirror");
    }

    /// <summary>Reads some bytes of an answer's body; 0 at its end.</summary>
    /// <exception cref="TransientException">The connection broke or fell silent.</exception>
    public async ValueTask<int> ReadAsync(Stream body, Memory<byte> buffer, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_silence);
        try
        {
            return await body.ReadAsync(buffer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TransientException(string.Create(CultureInfo.InvariantCulture, $"it sent nothing for {_silence.TotalSeconds:0.#} s"));
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new TransientException("it broke off in the middle of a file", e);
        }
    }

    // "+" and "~" are common in package names and safe in a path; some servers take an escaped one for another file.
    private static string EscapePath(string path) =>
        Uri.EscapeDataString(path)
            .Replace("%2F", "/", StringComparison.Ordinal)
            .Replace("%2B", "+", StringComparison.Ordinal)
            .Replace("%3A", ":", StringComparison.Ordinal);

    private static NetworkCredential? CredentialsOf(Uri proxy)
    {
        if (proxy.UserInfo.Length == 0)
            return null;
        var parts = proxy.UserInfo.Split(':', 2);
        return new NetworkCredential(Uri.UnescapeDataString(parts[0]), parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : "");
    }

    private static string Describe(HttpRequestException e) => e.HttpRequestError switch
    {
        HttpRequestError.NameResolutionError => "its name does not resolve",
        HttpRequestError.ConnectionError => "no connection can be made",
        HttpRequestError.ProxyTunnelError => "the proxy does not let the connection through",
        HttpRequestError.InvalidResponse => "it does not speak HTTP",
        _ => "the connection broke",
    };

    public void Dispose() => _http.Dispose();
}
