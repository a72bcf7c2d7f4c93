using System.Text;

namespace Warren.Images.Mirrors;

/// <summary>
/// Finds apt's proxy settings in its configuration files (apt.conf(5)): the flat form <c>Acquire::http::Proxy "URL";</c> and the nested
/// form with braces. Other settings are read over; nothing is executed, so Proxy-Auto-Detect has no say.
/// </summary>
internal static class AptProxy
{
    /// <summary>
    /// All "acquire::…::proxy…" settings of one file, by lower-case name, added over those already in <paramref name="settings"/>.
    /// </summary>
    public static void Read(string text, IDictionary<string, string> settings)
    {
        List<string> scopes = [];
        List<string> words = [];
        foreach (var token in Tokens(text))
        {
            switch (token)
            {
                case "{":
                    scopes.Add(words.Count > 0 ? words[0] + "::" : "");
                    words.Clear();
                    break;
                case "}":
                    if (scopes.Count > 0)
                        scopes.RemoveAt(scopes.Count - 1);
                    words.Clear();
                    break;
                case ";":
                    if (words.Count >= 2)
                    {
                        var name = (string.Concat(scopes) + words[0]).ToLowerInvariant();
                        if (name.StartsWith("acquire::", StringComparison.Ordinal) && name.Contains("::proxy", StringComparison.Ordinal))
                            settings[name] = words[1].Trim('"');
                    }
                    words.Clear();
                    break;
                default:
                    words.Add(token);
                    break;
            }
        }
    }

    /// <summary>The setting for a URL: the one for its host first, then for its scheme; https falls back to http as in apt.</summary>
    public static string? For(Uri uri, IDictionary<string, string> settings)
    {
        foreach (var scheme in uri.Scheme == "https" ? (string[])["https", "http"] : ["http"])
        {
            if (settings.TryGetValue($"acquire::{scheme}::proxy::{uri.Host.ToLowerInvariant()}", out var value)
                || settings.TryGetValue($"acquire::{scheme}::proxy", out value))
            {
                return value;
            }
        }
        return null;
    }

    private static IEnumerable<string> Tokens(string text)
    {
        StringBuilder word = new();
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            var comment = c == '#' || (c == '/' && i + 1 < text.Length && text[i + 1] == '/' && word.Length == 0);
            var blockComment = c == '/' && i + 1 < text.Length && text[i + 1] == '*';
            if (c == '"')
            {
                var close = text.IndexOf('"', i + 1);
                close = close < 0 ? text.Length : close;
                word.Append('"').Append(text, i + 1, close - i - 1).Append('"');
                i = close;
            }
            else if (comment || blockComment)
            {
                var end = blockComment ? text.IndexOf("*/", i + 2, StringComparison.Ordinal) + 1 : text.IndexOf('\n', i);
                i = end <= 0 ? text.Length : end;
            }
            else if (c is '{' or '}' or ';' || char.IsWhiteSpace(c))
            {
                if (word.Length > 0)
                    yield return word.ToString();
                word.Clear();
                if (!char.IsWhiteSpace(c))
                    yield return c.ToString();
            }
            else
            {
                word.Append(c);
            }
        }
        if (word.Length > 0)
            yield return word.ToString();
    }
}
