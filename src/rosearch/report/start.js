if (document.body.dataset.version !== undefined) remember(document);
setUpPlots();
setUpGallery();
if (document.body.dataset.version !== undefined) setTimeout(follow, PAUSE);
