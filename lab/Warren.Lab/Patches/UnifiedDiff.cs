using System.Globalization;
using System.Text.RegularExpressions;

namespace Warren.Lab;

/// <summary>
/// Reads what <c>git diff</c>, <c>git show</c> and <c>git format-patch</c> print. Whatever is no file and no hunk must be where these print
/// their own words; a diff that was cut or edited by
/// hand is refused.
/// </summary>
internal sealed partial class UnifiedDiff
{
    private const string Remedy = "Make it anew with 'git diff'.";

    private readonly string _name;
    private readonly string[] _lines;
    private readonly List<FilePatch> _files = [];
    private int _at;

    private UnifiedDiff(string name, string text)
    {
        _name = name;
        _lines = text.TrimStart('\uFEFF').ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
    }

    /// <param name="name">Named in exceptions.</param>
    /// <exception cref="VariantException">It is no diff, or damaged, or does what is not understood here.</exception>
    internal static IReadOnlyList<FilePatch> Parse(string name, string text)
    {
        var diff = new UnifiedDiff(name, text);
        diff.Read();
        return diff._files.Count > 0 ? diff._files
            : throw new VariantException($"{name} changes no file: it is not a unified diff, or an empty one. {Remedy}");
    }

    private void Read()
    {
        // The words of a mail or a commit may look like anything but a hunk.
        var words = true;
        while (_at < _lines.Length)
        {
            var line = _lines[_at];
            if (line.StartsWith("diff --git ", StringComparison.Ordinal))
            {
                words = false;
                _at++;
            }
            else if (IsFile())
            {
                words = false;
                _files.Add(ReadFile());
            }
            else if (IsEndOfMail(line))
            {
                words = true;
                _at++;
            }
            else if (Unsupported().IsMatch(line) && !words)
            {
                throw Bad("renames, copies and binary files are not understood",
                    "Use 'git diff --no-renames', and leave out what is not source.");
            }
            else if (HunkHeader().IsMatch(line) || line.StartsWith("+++ ", StringComparison.Ordinal))
            {
                throw Bad("nothing says which file this changes", Remedy);
            }
            else if (words || Header().IsMatch(line))
            {
                _at++;
            }
            else
            {
                throw Bad("this line belongs to no hunk", Remedy);
            }
        }
    }

    private bool IsFile() => _lines[_at].StartsWith("--- ", StringComparison.Ordinal) && _at + 1 < _lines.Length
        && _lines[_at + 1].StartsWith("+++ ", StringComparison.Ordinal);

    private static bool IsEndOfMail(string line) => line == "-- " || line == "--" || line.StartsWith("From ", StringComparison.Ordinal)
        || line.StartsWith("commit ", StringComparison.Ordinal);

    private FilePatch ReadFile()
    {
        var at = _at + 1;
        var (old, now) = (PathOf(_lines[_at]), PathOf(_lines[_at + 1]));
        if (old is null && now is null)
            throw Bad("both sides of the file are /dev/null", Remedy);
        if (old is not null && now is not null && old != now)
            throw Bad($"the file has two names, {old} and {now}", "Use 'git diff --no-renames'.");
        _at += 2;
        var hunks = new List<Hunk>();
        while (_at < _lines.Length && _lines[_at].StartsWith("@@", StringComparison.Ordinal))
            hunks.Add(ReadHunk());
        return hunks.Count > 0 ? new(at, old, now, hunks) : throw Bad("the file has no hunk", Remedy);
    }

    /// <summary>Without "a/" and the like (git's diff.mnemonicPrefix has others) and without a time.</summary>
    private static string? PathOf(string line)
    {
        var path = line[4..].Split('\t')[0].TrimEnd();
        if (path == "/dev/null")
            return null;
        return path.Length > 2 && path[1] == '/' && char.IsAsciiLetterLower(path[0]) ? path[2..] : path;
    }

    private Hunk ReadHunk()
    {
        var header = HunkHeader().Match(_lines[_at]);
        var (start, old, now) = (Number(header.Groups[1]), Number(header.Groups[2]), Number(header.Groups[4]));
        if (!header.Success || start < 0 || old < 0 || now < 0)
            throw Bad("this is no head of a hunk", Remedy);
        var at = ++_at;
        var lines = new List<(int, char, string)>();
        var (oldLeft, newLeft) = (old, now);
        while (oldLeft > 0 || newLeft > 0)
        {
            if (_at == _lines.Length)
                throw Bad($"the hunk of line {at} ends early", Remedy);
            var line = _lines[_at++];
            // Some mailers take the blank from a line that has nothing else.
            var mark = line.Length == 0 ? ' ' : line[0];
            if (mark == '\\')
                continue;
            if (mark is not (' ' or '+' or '-') || (mark != '+' && --oldLeft < 0) || (mark != '-' && --newLeft < 0))
            {
                _at--;
                throw Bad($"the hunk of line {at} is not as long as its head says", Remedy);
            }

            lines.Add((_at, mark, line.Length == 0 ? "" : line[1..]));
        }

        while (_at < _lines.Length && _lines[_at].StartsWith('\\'))
            _at++;
        return new(at, old == 0 ? start : start - 1, lines);
    }

    /// <summary>1 where none is written; -1 where it is no number that there could be.</summary>
    private static int Number(Group group) =>
        !group.Success ? 1 : int.TryParse(group.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : -1;

    private VariantException Bad(string why, string remedy) => new($"{_name}, line {Math.Min(_at + 1, _lines.Length)}: {why}. {remedy}");

    [GeneratedRegex(@"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")]
    private static partial Regex HunkHeader();

    [GeneratedRegex("^(index |old mode |new mode |new file mode |deleted file mode |$)")]
    private static partial Regex Header();

    [GeneratedRegex("^(rename |copy |similarity |dissimilarity |Binary files |GIT binary patch)")]
    private static partial Regex Unsupported();
}
