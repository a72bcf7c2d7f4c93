namespace Warren.Images.Archive;

/// <summary>Guards paths that come from a file: below the mirror's root, or one name in the cache, and nothing else.</summary>
internal static class RelativePath
{
    /// <summary>Segments of plain characters joined by "/", none of them empty, "." or "..".</summary>
    public static bool IsSafe(string path) =>
        path.Length is > 0 and <= 1024 && path.Split('/').All(IsSafeName);

    /// <summary>One file name of letters, digits and "+-._~:%" that does not begin with a dot.</summary>
    public static bool IsSafeName(string name) =>
        name.Length is > 0 and <= 255
        && name[0] != '.'
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.' or '_' or '~' or ':' or '%');

    /// <summary>The text as part of a file name: every other character becomes "_".</summary>
    public static string ToName(string text) =>
        string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.' or '~' ? c : '_')).TrimStart('.');
}
