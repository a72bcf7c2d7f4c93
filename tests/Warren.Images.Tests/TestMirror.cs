using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

namespace Warren.Images.Tests;

/// <summary>How a <see cref="TestMirror"/> answers a request that it has the file for.</summary>
internal sealed class Fault
{
    /// <summary>Answer with this status instead.</summary>
    public int? Status { get; init; }

    /// <summary>Break the connection after so many bytes of the body.</summary>
    public int? CutAfter { get; init; }

    /// <summary>Fall silent after so many bytes of the body, until the server ends.</summary>
    public int? HangAfter { get; init; }

    /// <summary>Send the whole file whatever range was asked for.</summary>
    public bool IgnoreRange { get; init; }

    /// <summary>The bytes to send instead of the file.</summary>
    public Func<byte[], byte[]>? Alter { get; init; }

    /// <summary>How many requests it concerns; afterwards the mirror is sound.</summary>
    public int Times { get; set; } = int.MaxValue;
}

/// <summary>An HTTP server on the loopback interface that serves a <see cref="TestArchive"/> and can misbehave in chosen ways.</summary>
internal sealed class TestMirror : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public TestMirror(TestArchive archive)
    {
        Archive = archive;
        _listener.Start();
        _loop = AcceptAsync();
    }

    public TestArchive Archive { get; }

    public string Url => $"http://{_listener.LocalEndpoint}/debian";

    public ConcurrentDictionary<string, Fault> Faults { get; } = new(StringComparer.Ordinal);

    /// <summary>Requests in order, "path" or "path from-byte".</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>Set each time the server falls silent.</summary>
    public SemaphoreSlim Hung { get; } = new(0);

    public int Count(string path) => Log.Count(l => l == path || l.StartsWith(path + " ", StringComparison.Ordinal));

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = Task.Run(() => ServeAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                using StreamReader reader = new(stream, Encoding.ASCII, leaveOpen: true);
                var request = await reader.ReadLineAsync(_stop.Token);
                long from = 0;
                while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } header)
                {
                    if (header.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase))
                        from = long.Parse(header["Range: bytes=".Length..].TrimEnd('-'), System.Globalization.CultureInfo.InvariantCulture);
                }
                if (request != null)
                    await AnswerAsync(stream, request.Split(' ')[1], from);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task AnswerAsync(NetworkStream stream, string target, long from)
    {
        var path = Uri.UnescapeDataString(target).Replace("/debian/", "", StringComparison.Ordinal);
        if (!Archive.Files.ContainsKey(path))
            path = target.Replace("/debian/", "", StringComparison.Ordinal).Replace("%25", "%", StringComparison.Ordinal);
        Log.Enqueue(from > 0 ? $"{path} {from}" : path);
        Fault? fault = null;
        if (Faults.TryGetValue(path, out var found) && found.Times-- > 0)
            fault = found;
        if (!Archive.Files.TryGetValue(path, out var file) || fault?.Status != null)
        {
            await WriteAsync(stream, $"HTTP/1.1 {fault?.Status ?? 404} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            return;
        }
        file = fault?.Alter?.Invoke(file) ?? file;
        if (from > 0 && fault is not { IgnoreRange: true })
        {
            if (from >= file.Length)
            {
                await WriteAsync(stream, "HTTP/1.1 416 Range\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                return;
            }
            await WriteAsync(stream,
                $"HTTP/1.1 206 Part\r\nContent-Length: {file.Length - from}\r\nContent-Range: bytes "
                    + $"{from}-{file.Length - 1}/{file.Length}\r\nConnection: close\r\n\r\n");
        }
        else
        {
            from = 0;
            await WriteAsync(stream, $"HTTP/1.1 200 OK\r\nContent-Length: {file.Length}\r\nConnection: close\r\n\r\n");
        }
        var length = (int)Math.Min(fault?.CutAfter ?? fault?.HangAfter ?? int.MaxValue, file.Length - from);
        await stream.WriteAsync(file.AsMemory((int)from, length), _stop.Token);
        if (fault?.HangAfter != null)
        {
            Hung.Release();
            await Task.Delay(Timeout.Infinite, _stop.Token);
        }
    }

    private async Task WriteAsync(NetworkStream stream, string head) => await stream.WriteAsync(Encoding.ASCII.GetBytes(head), _stop.Token);

    /// <summary>Stops serving; nobody listens any more.</summary>
    public void Stop()
    {
        _stop.Cancel();
        _listener.Stop();
        _loop.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        Stop();
        _stop.Dispose();
        Hung.Dispose();
    }
}
