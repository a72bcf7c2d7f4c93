namespace Warren.Lab.Reports;

/// <summary>The page around reports: style and behaviour within it, nothing fetched.</summary>
public static class HtmlPage
{
    /// <param name="title">Of the page, as text.</param>
    /// <param name="body">Markup.</param>
    public static string Around(string title, string body) => $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content="light dark"/>
        <title>{HtmlReport.E(title)} · warren lab</title>
        <style>
        {Resource("report.css")}</style>
        </head>
        <body>
        <button type="button" class="theme" title="light or dark" hidden="hidden">◐</button>
        <main>
        {body}</main>
        <script>
        {Resource("report.js")}</script>
        </body>
        </html>

        """;

    private static string Resource(string name)
    {
        using var reader = new StreamReader(typeof(HtmlPage).Assembly.GetManifestResourceStream("report/" + name)!);
        return reader.ReadToEnd();
    }
}
